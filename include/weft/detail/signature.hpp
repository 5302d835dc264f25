#pragma once

#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace weft {
template <class T>
class future;
template <class T>
class task;
class client;
}  // namespace weft

namespace weft::detail {

template <class...>
struct types {};

/// The parameters of a function pointer, or of a call operator that is neither generic nor overloaded.
template <class S>
struct signature;
template <class R, class... P>
struct signature<R (*)(P...)> {
  using parameters = types<P...>;
};
template <class R, class... P>
struct signature<R (*)(P...) noexcept> : signature<R (*)(P...)> {};
template <class C, class R, class... P>
struct signature<R (C::*)(P...)> : signature<R (*)(P...)> {};
template <class C, class R, class... P>
struct signature<R (C::*)(P...) noexcept> : signature<R (*)(P...)> {};
template <class C, class R, class... P>
struct signature<R (C::*)(P...) const> : signature<R (*)(P...)> {};
template <class C, class R, class... P>
struct signature<R (C::*)(P...) const noexcept> : signature<R (*)(P...)> {};

template <class F>
inline constexpr bool is_function_pointer = std::is_pointer_v<F> && std::is_function_v<std::remove_pointer_t<F>>;

/// What can travel to another process: a function, a lambda without captures, or an aggregate with a call operator. A
/// closure type is never an aggregate, and one that captures is never empty.
template <class F>
inline constexpr bool portable =
    is_function_pointer<F> ||
    (std::is_class_v<F> && (std::is_aggregate_v<F> || (std::is_empty_v<F> && std::is_trivially_copyable_v<F>)));

template <class T, template <class...> class Of>
inline constexpr bool is_of = false;
template <template <class...> class Of, class... A>
inline constexpr bool is_of<Of<A...>, Of> = true;

/// Inputs: a future, or a vector of them.
template <class A>
inline constexpr bool is_future = is_of<A, future>;
template <class A>
inline constexpr bool is_futures = false;
template <class U>
inline constexpr bool is_futures<std::vector<future<U>>> = true;

/// What is kept for a parameter of type P when a value is given for it.
template <class P>
struct kept {
  using type = std::remove_cvref_t<P>;
};
template <>
struct kept<std::string_view> {
  using type = std::string;
};
template <>
struct kept<const char*> {
  using type = std::string;
};
template <class P>
using kept_t = typename kept<std::decay_t<P>>::type;

template <class T>
struct unwrapped {
  using type = T;
};
template <class T>
struct unwrapped<task<T>> {
  using type = T;
};

/// The name of a type or function object, as the compiler spells it.
template <class T>
constexpr std::string_view type_name() noexcept {
  std::string_view name = __PRETTY_FUNCTION__;
  name.remove_prefix(name.find("T = ") + 4);
  return name.substr(0, name.find_first_of(";]"));
}
/// Without what it stands in, and its template arguments; `lambda` for one.
constexpr std::string_view short_name(std::string_view name) noexcept {
  if (name.find("lambda") != std::string_view::npos) return "lambda";
  if (name.ends_with('>')) {
    std::size_t at = name.size(), open = 0;
    do {
      --at;
      if (name[at] == '>') ++open;
      if (name[at] == '<') --open;
    } while (at != 0 && open != 0);
    name = name.substr(0, at);
  }
  const std::size_t colons = name.rfind("::");
  return colons == std::string_view::npos ? name : name.substr(colons + 2);
}
/// What errors call a function object: as its type is spelt, but for our own ones, whose names are enough.
template <class F>
constexpr std::string_view function_type_name() noexcept {
  constexpr std::string_view name = type_name<F>();
  return name.starts_with("weft::detail::") ? short_name(name) : name;
}

}  // namespace weft::detail
