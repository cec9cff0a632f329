#include "bench/plot.h"

#include <algorithm>
#include <cmath>
#include <fstream>

#include <fmt/core.h>

#include "bench/machine.h"
#include "bench/report.h"
#include "core/error.h"

namespace tenon::bench {
namespace {

constexpr double width = 900, height = 600;                       // of the image, in pixels
constexpr double left = 80, right = 700, top = 60, bottom = 520;  // of the axes
constexpr const char *ink = "#333", *grid = "#e4e4e4", *roof_color = "#555";

// A logarithmic axis from a position in pixels to another one.
struct Axis {
  double low, high;  // the least and the greatest value
  double from, to;   // their positions

  double at(double value) const {
    return from + (to - from) * std::log(value / low) / std::log(high / low);
  }
  // The powers of ten; of a short axis also 2 and 5 times each of them.
  std::vector<double> ticks() const {
    std::vector<double> values;
    const bool is_short = high / low < 300;
    for (double power = std::pow(10, std::floor(std::log10(low))); power <= high * 1.001;
         power *= 10)
      for (const double times : {1.0, 2.0, 5.0})
        if ((times == 1 || is_short) && power * times >= low * .999 &&
            power * times <= high * 1.001)
          values.push_back(power * times);
    return values;
  }
};

// An axis that holds all values, with some room.
Axis axis_of(const std::vector<double>& values, double from, double to) {
  const auto [low, high] = std::ranges::minmax(values);
  return {low / 1.6, high * 1.6, from, to};
}

std::string escaped(std::string_view text) {
  std::string result;
  for (const char letter : text) {
    if (letter == '&')
      result += "&amp;";
    else if (letter == '<')
      result += "&lt;";
    else
      result += letter;
  }
  return result;
}

std::string tick_text(double value) {
  if (value >= 1e9) return fmt::format("{:g}G", value / 1e9);
  if (value >= 1e6) return fmt::format("{:g}M", value / 1e6);
  if (value >= 1e4) return fmt::format("{:g}k", value / 1e3);
  return fmt::format("{:g}", value);
}

// What is drawn of a kind of timing.
struct Series {
  std::string name;
  const char* color;
  const Timing* (*timing)(const Row&);  // null: the row has none
  std::string (*shape)(double x, double y, const char* color);
};

std::string circle(double x, double y, const char* color) {
  return fmt::format(
      R"(<circle cx="{:.1f}" cy="{:.1f}" r="4.5" fill="none" stroke="{}" stroke-width="2">)", x, y,
      color);
}
std::string diamond(double x, double y, const char* color) {
  return fmt::format(R"(<path d="M{:.1f} {:.1f} l5.5 5.5 l-5.5 5.5 l-5.5 -5.5 z" fill="{}">)", x,
                     y - 5.5, color);
}
std::string cross(double x, double y, const char* color) {
  return fmt::format(
      R"(<path d="M{:.1f} {:.1f} l9 9 m-9 0 l9 -9" stroke="{}" stroke-width="2" fill="none">)",
      x - 4.5, y - 4.5, color);
}
std::string closing(std::string_view element) {
  return element.starts_with("<circle") ? "</circle>\n" : "</path>\n";
}

const std::vector<Series>& all_series() {
  static const std::vector<Series> series{
      {"Tenon, untuned", "#0072b2", [](const Row& row) { return &row.untuned; }, circle},
      {"Tenon, tuned", "#d55e00", [](const Row& row) { return row.tuned ? &*row.tuned : nullptr; },
       diamond},
      {"fastest peer", "#009e73", [](const Row& row) { return row.best_peer(); }, cross}};
  return series;
}

class Plot {
 public:
  Plot(std::string_view suite, const std::vector<Row>& rows, int threads)
      : rows_(rows),
        has_flops_(std::ranges::any_of(rows, [](const Row& r) { return r.flops > 0; })) {
    std::vector<double> xs, ys;
    for (const Row& row : rows_) {
      if (!is_drawn(row)) continue;
      xs.push_back(x_of(row));
      for (const Series& series : all_series())
        if (const Timing* timing = series.timing(row)) ys.push_back(y_of(row, *timing));
      peak_ = std::max(peak_, row.rates.fma * 1e-9);
      fastest_ = std::max(fastest_, row.rates.memory * 1e-9);
      slowest_ = slowest_ == 0 ? fastest_ : std::min(slowest_, row.rates.memory * 1e-9);
    }
    ys.push_back(has_flops_ ? peak_ : fastest_);
    x_ = axis_of(xs, left, right);
    y_ = axis_of(ys, bottom, top);
    draw(suite, threads);
  }

  const std::string& svg() const { return svg_; }

 private:
  bool is_drawn(const Row& row) const { return !has_flops_ || row.flops > 0; }
  double x_of(const Row& row) const { return has_flops_ ? row.flops / row.bytes : row.bytes; }
  double y_of(const Row& row, const Timing& timing) const {
    return has_flops_ ? row.gflops(timing.best_ms) : row.gigabytes(timing.best_ms);
  }

  void text(double x, double y, std::string_view what, std::string_view attributes) {
    svg_ += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" {}>{}</text>\n", x, y, attributes,
                        escaped(what));
  }
  void line(double x1, double y1, double x2, double y2, std::string_view color,
            std::string_view more = "") {
    svg_ += fmt::format(
        "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\" {}/>\n", x1,
        y1, x2, y2, color, more);
  }

  void draw(std::string_view suite, int threads) {
    svg_ = fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} "
        "{1}\" font-family=\"sans-serif\" font-size=\"13\">\n<rect width=\"{0}\" height=\"{1}\" "
        "fill=\"white\"/>\n",
        width, height);
    text(left, 28, fmt::format("{}, f32, {} thread{}", suite, threads, threads == 1 ? "" : "s"),
         "font-size=\"18\"");
    text(left, 46, processor(), "font-size=\"11\" fill=\"#666\"");
    draw_axes();
    draw_roofs();
    for (const Row& row : rows_)
      if (is_drawn(row)) draw_case(row);
    draw_legend();
    svg_ += "</svg>\n";
  }

  void draw_axes() {
    for (const double tick : x_.ticks()) {
      line(x_.at(tick), bottom, x_.at(tick), top, grid);
      text(x_.at(tick), bottom + 18, tick_text(tick), "text-anchor=\"middle\"");
    }
    for (const double tick : y_.ticks()) {
      line(left, y_.at(tick), right, y_.at(tick), grid);
      text(left - 8, y_.at(tick) + 4, tick_text(tick), "text-anchor=\"end\"");
    }
    line(left, bottom, right, bottom, ink);
    line(left, bottom, left, top, ink);
    text((left + right) / 2, bottom + 42,
         has_flops_ ? "arithmetic intensity: flops a byte, inputs and outputs counted once"
                    : "bytes read and written",
         "text-anchor=\"middle\"");
    const double middle = (top + bottom) / 2;
    text(24, middle, has_flops_ ? "GFLOP/s" : "GB/s",
         fmt::format("text-anchor=\"middle\" transform=\"rotate(-90 24 {})\"", middle));
  }

  // The least of the peak and of what the bandwidth feeds, over the whole axis.
  void draw_roof(double bandwidth, std::string_view dashes) {
    const auto height_at = [&](double x) {
      return has_flops_ ? std::min(peak_, bandwidth * x) : bandwidth;
    };
    std::string path;
    for (const double x : {x_.low, std::clamp(peak_ / bandwidth, x_.low, x_.high), x_.high}) {
      const double clipped = std::max(height_at(x), y_.low);
      const double at = has_flops_ ? std::max(x, clipped / bandwidth) : x;  // where it enters
      path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : " L",
                          x_.at(std::min(at, x_.high)), y_.at(clipped));
    }
    svg_ += fmt::format(
        "<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.5\" "
        "stroke-dasharray=\"{}\"/>\n",
        path, roof_color, dashes);
  }
  void draw_roofs() {
    draw_roof(slowest_, "none");
    draw_roof(fastest_, "5 4");
  }

  void draw_case(const Row& row) {
    std::vector<double> heights;
    std::string marks;
    const double x = x_.at(x_of(row));
    for (const Series& series : all_series()) {
      const Timing* timing = series.timing(row);
      if (!timing) continue;
      heights.push_back(y_.at(y_of(row, *timing)));
      const std::string mark = series.shape(x, heights.back(), series.color);
      const std::string who = series.name.starts_with("Tenon") ? series.name : timing->name;
      marks += mark + fmt::format("<title>{}: {}, {:.4g} ms</title>", escaped(row.name), who,
                                  timing->best_ms);
      marks += closing(mark);
    }
    const auto [high, low] = std::ranges::minmax(heights);
    line(x, low, x, high, "#bbb");
    svg_ += marks;
  }

  void draw_legend() {
    const double x = right + 20;
    double y = top + 10;
    for (const Series& series : all_series()) {
      if (std::ranges::none_of(rows_, [&](const Row& r) { return series.timing(r) != nullptr; }))
        continue;
      const std::string mark = series.shape(x, y, series.color);
      svg_ += mark + closing(mark);
      text(x + 14, y + 4, series.name, "");
      y += 24;
    }
    if (has_flops_) {
      text(x - 8, y + 4, fmt::format("FMA peak: {:.0f} GFLOP/s", peak_), "");
      y += 24;
    }
    for (const auto& [bandwidth, dashes] :
         {std::pair(slowest_, "none"), std::pair(fastest_, "5 4")}) {
      line(x - 8, y, x + 12, y, roof_color,
           fmt::format("stroke-width=\"1.5\" stroke-dasharray=\"{}\" ", dashes));
      text(x + 18, y + 4, fmt::format("{:.0f} GB/s", bandwidth), "");
      y += 24;
    }
    text(x - 8, y + 4, "(the lowest and highest", "font-size=\"11\" fill=\"#666\"");
    text(x - 8, y + 18, "bandwidth measured)", "font-size=\"11\" fill=\"#666\"");
  }

  const std::vector<Row>& rows_;
  bool has_flops_;
  double peak_ = 0, slowest_ = 0, fastest_ = 0;  // GFLOP/s, GB/s
  Axis x_{}, y_{};
  std::string svg_;
};

void write(const std::string& path, std::string_view svg) {
  std::ofstream file(path);
  file << svg;
  file.close();
  if (!file) fail("bench: {} cannot be written; name another file with --plot", path);
}

}  // namespace

void write_plot(const std::string& path, std::string_view suite, const std::vector<Row>& rows,
                int threads) {
  if (!rows.empty()) write(path, Plot(suite, rows, threads).svg());
}

void begin_plot(const std::string& path) {
  write(path, "<svg xmlns=\"http://www.w3.org/2000/svg\"/>\n");
}

}  // namespace tenon::bench
