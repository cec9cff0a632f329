// Cases that more than one suite makes; the file of the suite named in each comment has them.
#pragma once

#include <span>
#include <string_view>

#include "bench/suite.h"

namespace tenon::bench {

Case gemm_case(Session& session, std::string_view name);  // gemm
Case norm_case(Session& session, std::string_view name);  // norm
Case order_case(Session& session, std::string_view name);

// A convolution of images, from the eleven numbers n,c,h,w,k,r,s,stride,pad,dilation,groups; suite
// conv. With a bias and relu behind it, if asked for.
Case conv_case(Session& session, std::string_view name, std::span<const std::int64_t> numbers,
               bool has_bias_and_relu = false);

}  // namespace tenon::bench
