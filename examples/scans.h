// What digits.cpp needs besides a network: its scans, how they are drawn in a terminal, and a
// progress bar.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace tenon {

constexpr int scan_side = 8, scan_pixels = scan_side * scan_side;

// Scans of handwritten digits, one after the other: 64 pixels each, from 0 (white) to 1 (black),
// row by row, and the digit that they show.
struct Scans {
  std::vector<float> pixels;
  std::vector<std::int32_t> labels;

  int count() const { return static_cast<int>(labels.size()); }
};

// Reads lines of 64 whole numbers, 0 to 16, and a digit, with commas between. Error: the place of
// the first number that is wrong.
Scans read_scans(const std::string& path);

// The scans from `first` up to `last`, without it.
Scans part(const Scans& scans, int first, int last);

// The chosen scans, each moved by up to a pixel in any direction. A network that sees them learns
// shapes and not places.
Scans moved(const Scans& scans, std::span<const int> chosen, std::mt19937& random);

// Draws the chosen scans side by side, with a line of text below each.
void draw(const Scans& scans, std::span<const int> chosen, std::span<const std::string> captions);

// Draws the progress bar over the one before, if stderr is a terminal.
void draw_progress(int done, int all, float loss);

}  // namespace tenon
