#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "array/nodes.hpp"

/// Arrays whose elements are functions of their own numbers, row-major: random ones.
namespace weft::detail::arrays {

/// of(T{}), T being the elements' type, where the sign of integers does not matter: those of one size share one.
template <class Of>
any_code<kernel> with_kernel_type(dtype t, const Of& of) {
  switch (t) {
    case dtype::f32:
      return of(float{});
    case dtype::f64:
      return of(double{});
    case dtype::i8:
    case dtype::u8:
      return of(std::uint8_t{});
    case dtype::i16:
    case dtype::u16:
      return of(std::uint16_t{});
    case dtype::i32:
    case dtype::u32:
      return of(std::uint32_t{});
    default:
      return of(std::uint64_t{});
  }
}
/// Kernel<T>, likewise.
template <template <class> class Kernel, class Which>
any_code<kernel> kernel_for(dtype t, const Which& which) {
  return with_kernel_type(t, [&]<class T>(T) { return any_code<kernel>(std::make_shared<const Kernel<T>>(which)); });
}

/// What a kernel makes of the numbers of the elements, wherever they are read: but once where they broadcast, since
/// it takes longer than to read them.
inline array_ref of_numbers(const client& c, element e, const grid& chunks, any_code<kernel> what) {
  const std::uint32_t all = (1u << chunks.rank) - 1;
  array_ref number = make_index(c, chunks, 0, place_steps(chunks, all));
  return make_computed(c, e, chunks, {std::move(number)}, std::move(what), again::for_readers);
}

}  // namespace weft::detail::arrays
