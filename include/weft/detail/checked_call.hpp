#pragma once

#include <type_traits>

#include "weft/detail/call.hpp"

namespace weft::detail {

/// Whether F can be called with arguments A as a task; if not, the compiler says why in a sentence.
template <class F, class... A>
consteval bool checked_call() {
  using how = plan_for<F, A...>;
  // Variables, not concepts: a concept's name in a static_assert drags in pages of "because".
  constexpr bool can_travel = portable<F>;
  constexpr bool arity = how::arity || !can_travel;
  constexpr bool keeps = !how::mutates;
  constexpr bool fits = how::fits || !can_travel || !how::arity || !keeps;
  constexpr bool right = can_travel && how::arity && how::fits && keeps;
  constexpr bool function_encodes = !can_travel || is_function_pointer<F> || encodable<F>;
  constexpr bool encodes = how::encodes;
  constexpr bool result_encodes = std::is_void_v<typename how::result> || !right || travels<typename how::result>;
  static_assert(can_travel,
                "weft: a lambda that captures cannot travel to another process; pass what it captures as "
                "arguments of submit, or write a struct with fields and operator()");
  static_assert(
      function_encodes,
      "weft: a field (or a base) of this function object cannot be encoded, so it cannot travel: hold plain "
      "values in it");
  static_assert(arity,
                "weft: submit needs one argument for each parameter of the function; default arguments are not "
                "visible here");
  static_assert(keeps, "weft: the function takes a non-const reference; let it take a value, and return the new one");
  static_assert(fits,
                "weft: the function cannot be called with these arguments (a future's value is shared: take it by "
                "const& or as a copy)");
  static_assert(encodes,
                "weft: an argument's type cannot be encoded, so it cannot travel: give it weft_encode and "
                "weft_decode, or pass what it is made from");
  static_assert(result_encodes,
                "weft: the result's type cannot be encoded, so it cannot travel: give it weft_encode and "
                "weft_decode, or return what it is made from");
  return right && function_encodes && encodes && result_encodes;
}

}  // namespace weft::detail
