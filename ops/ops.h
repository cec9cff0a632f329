// All composed operations in one include, for programs; README.md says what is in which header.
#pragma once

#include "ops/arithmetic.h"
#include "ops/convolution.h"
#include "ops/functions.h"
#include "ops/gradient.h"
#include "ops/indexing.h"
#include "ops/matmul.h"
#include "ops/normalization.h"
#include "ops/optimizer.h"
#include "ops/random.h"
#include "ops/reductions.h"
#include "ops/views.h"
