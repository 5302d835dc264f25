#pragma once

#include <cstddef>
#include <xtensor/xstorage.hpp>

#ifdef __clang__
// clang from 19 on matches templates by their default arguments too (P0522, CWG 2398), and finds two specialisations
// of xtensor 0.24 for the shapes of xt::xarray. A whole one comes before both.
namespace xt {
template <>
struct rebind_container<std::ptrdiff_t, svector<std::size_t, 4>> {
  using type = svector<std::ptrdiff_t, 4>;
};
template <>
struct rebind_container<std::size_t, svector<std::size_t, 4>> {
  using type = svector<std::size_t, 4>;
};
}  // namespace xt
#endif

#include <xtensor/xarray.hpp>
#include <xtensor/xtensor.hpp>
