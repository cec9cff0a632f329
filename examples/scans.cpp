#include "examples/scans.h"

#include <unistd.h>
#include <cmath>

#include <algorithm>
#include <array>
#include <fstream>

#include <fmt/core.h>

#include "core/error.h"

namespace tenon {

Scans read_scans(const std::string& path) {
  std::ifstream file(path);
  if (!file) fail("{}: cannot be read; run this program from the root of the repository", path);
  Scans scans;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    const char* at = line.c_str();
    for (int column = 0; column <= scan_pixels; ++column) {
      char* end = nullptr;
      const long value = std::strtol(at, &end, 10);
      const bool last = column == scan_pixels;
      if (end == at || value < 0 || value > (last ? 9 : 16) || *end != (last ? '\0' : ','))
        fail("{}:{}: number {} of the line is wrong; it has 64 pixels, 0 to 16, and a digit", path,
             number, column + 1);
      at = end + 1;
      if (last)
        scans.labels.push_back(static_cast<std::int32_t>(value));
      else
        scans.pixels.push_back(static_cast<float>(value) / 16);
    }
  }
  return scans;
}

Scans part(const Scans& scans, int first, int last) {
  return {{scans.pixels.begin() + first * scan_pixels, scans.pixels.begin() + last * scan_pixels},
          {scans.labels.begin() + first, scans.labels.begin() + last}};
}

Scans moved(const Scans& scans, std::span<const int> chosen, std::mt19937& random) {
  Scans result{std::vector<float>(chosen.size() * scan_pixels), {}};
  float* pixel = result.pixels.data();
  for (const int scan : chosen) {
    const int down = static_cast<int>(random() % 3) - 1;
    const int across = static_cast<int>(random() % 3) - 1;
    for (int row = down; row < scan_side + down; ++row)
      for (int column = across; column < scan_side + across; ++column, ++pixel)
        if (std::min(row, column) >= 0 && std::max(row, column) < scan_side)
          *pixel = scans.pixels[scan * scan_pixels + row * scan_side + column];
    result.labels.push_back(scans.labels[scan]);
  }
  return result;
}

void draw(const Scans& scans, std::span<const int> chosen, std::span<const std::string> captions) {
  constexpr std::array<const char*, 5> shades{"  ", "░░", "▒▒", "▓▓", "██"};
  constexpr const char* gap = "   ";
  for (int row = 0; row < scan_side; ++row) {
    for (const int scan : chosen) {
      for (int column = 0; column < scan_side; ++column) {
        const float ink = scans.pixels[scan * scan_pixels + row * scan_side + column];
        fmt::print("{}", shades[static_cast<std::size_t>(std::lround(ink * 4))]);
      }
      fmt::print("{}", gap);
    }
    fmt::print("\n");
  }
  for (const std::string& caption : captions) fmt::print("{:<16}{}", caption, gap);
  fmt::print("\n");
}

void draw_progress(int done, int all, float loss) {
  if (isatty(STDERR_FILENO) == 0) return;
  constexpr int width = 40;
  const int filled = done * width / all;
  fmt::print(stderr, "\r[{:=<{}}{: <{}}] {:3}%  loss {:.4f}{}", "", filled, "", width - filled,
             100 * done / all, loss, done == all ? "\n" : "");
}

}  // namespace tenon
