// What the blocks of docs/arrays-*.md stand among.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>
#include <weft/array.hpp>
#include <weft/weft.hpp>

namespace page {

extern weft::client c;
extern weft::array<double, 2> x, y, points;
extern weft::array<double, 1> u, v, row, weights;
extern weft::array<std::int64_t, 1> i;
extern weft::array<bool, 1> mask;
extern std::vector<double> edges;

}  // namespace page
