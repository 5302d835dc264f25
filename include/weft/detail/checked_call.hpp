#pragma once

#include <type_traits>

#include "weft/detail/call.hpp"

namespace weft::detail {

// What a function of tasks must be; if it is not, the compiler says why in a sentence. The conditions are variables,
// not concepts: a concept's name in a static_assert drags in pages of "because".

/// Whether F can go to another process.
template <class F>
consteval bool checked_function() {
  constexpr bool can_travel = portable<F>;
  constexpr bool function_encodes = !can_travel || is_function_pointer<F> || encodable<F>;
  static_assert(can_travel,
                "weft: a lambda that captures cannot travel to another process; pass what it captures as further "
                "arguments, or write a struct with fields and operator()");
  static_assert(
      function_encodes,
      "weft: a field (or a base) of this function object cannot be encoded, so it cannot travel: hold plain "
      "values in it");
  return can_travel && function_encodes;
}

/// Whether what a call takes and gives can; `Right`: it can be made, and has a result.
template <class How, bool Right>
consteval bool checked_values() {
  constexpr bool encodes = How::encodes;
  constexpr bool result_encodes = std::is_void_v<typename How::result> || !Right || travels<typename How::result>;
  static_assert(encodes,
                "weft: an argument's type cannot be encoded, so it cannot travel: give it weft_encode and "
                "weft_decode, or pass what it is made from");
  static_assert(result_encodes,
                "weft: the result's type cannot be encoded, so it cannot travel: give it weft_encode and "
                "weft_decode, or return what it is made from");
  return encodes && result_encodes;
}

/// Whether F can be called with arguments A as a task.
template <class F, class... A>
consteval bool checked_call() {
  using how = plan_for<F, A...>;
  constexpr bool function = checked_function<F>();
  constexpr bool can_travel = portable<F>;
  constexpr bool arity = how::arity || !can_travel;
  constexpr bool keeps = !how::mutates;
  constexpr bool fits = how::fits || !can_travel || !how::arity || !keeps;
  constexpr bool right = can_travel && how::arity && how::fits && keeps;
  static_assert(arity,
                "weft: submit needs one argument for each parameter of the function; default arguments are not "
                "visible here");
  static_assert(keeps, "weft: the function takes a non-const reference; let it take a value, and return the new one");
  static_assert(fits,
                "weft: the function cannot be called with these arguments (a future's value is shared: take it by "
                "const& or as a copy)");
  constexpr bool values = checked_values<how, right>();
  return right && function && values;
}

}  // namespace weft::detail
