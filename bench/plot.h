// The plot of a suite as an SVG: the machine's roofline, with marks for each case. Used by
// report.cpp.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tenon::bench {

struct Row;

// Draws arithmetic intensity (flops a byte) against GFLOP/s, both on logarithmic axes. A case has a
// mark each for Tenon untuned, tuned and the fastest peer, with its name as the tooltip. There are
// two roofs, for the lowest and for the highest bandwidth that was measured beside the cases. If no
// case has flops, the axes are bytes and GB/s. Error: the file cannot be written.
void write_plot(const std::string& path, std::string_view suite, const std::vector<Row>& rows,
                int threads);

// Writes an empty plot, so that the error comes before hours of measuring.
void begin_plot(const std::string& path);

}  // namespace tenon::bench
