#pragma once

#include <vector>

#include "weft/detail/array/digests.hpp"

namespace weft::detail::arrays {

/// Of blocks of doubles: sorted samples with weights, and of all of them the elements that are near these quantiles.
any_code<digest> sampler_of(std::vector<double> q);

}  // namespace weft::detail::arrays
