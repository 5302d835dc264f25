#pragma once

#include <algorithm>
#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

/// Reflection of plain aggregates: how many fields, of what types, and a visit of them. Nothing here instantiates
/// a hard error for a type that cannot be reflected, as long as bind<N> is used with the right N.
namespace weft::detail {

template <class... M>
struct type_list {};

// Fillers, for initialisers that are never evaluated.
template <class T>
struct any_but {  // becomes anything but T and its bases, else T{any} would be a copy
  template <class U>
    requires(!std::is_base_of_v<U, T>)
  operator U() const;
};
template <class T>
struct any_base {
  template <class U>
    requires(std::is_base_of_v<U, T> && !std::is_same_v<U, T>)
  operator U() const;
};
template <class T>
struct any_lvalue {
  template <class U>
    requires(!std::is_base_of_v<U, T>)
  operator U&() const;
};
struct any_union {
  template <class U>
    requires std::is_union_v<U>
  operator U() const;
};

/// What needs the names of N fields written out.
///
/// takes<T>: T{{}, {}, ...} of N empty braces is valid. Braces stand for one field each, arrays too; fillers would
/// spread over the elements of an array (brace elision), and cost a template deduction each.
/// takes<T, Filler>: the same with one filler after the braces.
template <std::size_t N>
struct bind;

template <>
struct bind<0> {
  template <class T, class... Filler>
  static constexpr bool takes = requires { T{Filler{}...}; };
  template <class T>
  static type_list<> types(T&);
  template <class T>
  static std::true_type whole(T&);
  template <class T, class F>
  static constexpr decltype(auto) visit(T&, F&& f) {
    return f();
  }
};

// Lists of 8q + r things, one for each field: its name, its type or an empty brace.
#define WEFT_NAME(x) x
#define WEFT_WHOLE(x) requires { sizeof(x); }
#define WEFT_BRACES(x) \
  {}
#define WEFT_1(w, p) w(p##0)
#define WEFT_2(w, p) WEFT_1(w, p), w(p##1)
#define WEFT_3(w, p) WEFT_2(w, p), w(p##2)
#define WEFT_4(w, p) WEFT_3(w, p), w(p##3)
#define WEFT_5(w, p) WEFT_4(w, p), w(p##4)
#define WEFT_6(w, p) WEFT_5(w, p), w(p##5)
#define WEFT_7(w, p) WEFT_6(w, p), w(p##6)
#define WEFT_8(w, p) WEFT_7(w, p), w(p##7)
#define WEFT_EIGHTS_0(w)
#define WEFT_EIGHTS_1(w) WEFT_8(w, a),
#define WEFT_EIGHTS_2(w) WEFT_EIGHTS_1(w) WEFT_8(w, b),
#define WEFT_EIGHTS_3(w) WEFT_EIGHTS_2(w) WEFT_8(w, c),
#define WEFT_EIGHTS_4(w) WEFT_EIGHTS_3(w) WEFT_8(w, d),
#define WEFT_EIGHTS_5(w) WEFT_EIGHTS_4(w) WEFT_8(w, e),
#define WEFT_EIGHTS_6(w) WEFT_EIGHTS_5(w) WEFT_8(w, g),
#define WEFT_EIGHTS_7(w) WEFT_EIGHTS_6(w) WEFT_8(w, h),
#define WEFT_LIST(q, r, w) WEFT_EIGHTS_##q(w) WEFT_##r(w, z)
#define WEFT_BIND(q, r)                                                                       \
  template <>                                                                                 \
  struct bind<8 * q + r> {                                                                    \
    template <class T, class... Filler>                                                       \
    static constexpr bool takes = requires { T{WEFT_LIST(q, r, WEFT_BRACES), Filler{}...}; }; \
    template <class T>                                                                        \
    static auto types(T& x) {                                                                 \
      [[maybe_unused]] auto& [WEFT_LIST(q, r, WEFT_NAME)] = x;                                \
      return type_list<WEFT_LIST(q, r, decltype)>{};                                          \
    }                                                                                         \
    template <class T>                                                                        \
    static auto whole(T& x) {                                                                 \
      [[maybe_unused]] auto& [WEFT_LIST(q, r, WEFT_NAME)] = x;                                \
      return std::bool_constant<(std::min({WEFT_LIST(q, r, WEFT_WHOLE)}))>{};                 \
    }                                                                                         \
    template <class T, class F>                                                               \
    static constexpr decltype(auto) visit(T& x, F&& f) {                                      \
      auto& [WEFT_LIST(q, r, WEFT_NAME)] = x;                                                 \
      return f(WEFT_LIST(q, r, WEFT_NAME));                                                   \
    }                                                                                         \
  };
#define WEFT_BIND_8(q) \
  WEFT_BIND(q, 1)      \
  WEFT_BIND(q, 2) WEFT_BIND(q, 3) WEFT_BIND(q, 4) WEFT_BIND(q, 5) WEFT_BIND(q, 6) WEFT_BIND(q, 7) WEFT_BIND(q, 8)
WEFT_BIND_8(0)
WEFT_BIND_8(1)
WEFT_BIND_8(2)
WEFT_BIND_8(3)
WEFT_BIND_8(4)
WEFT_BIND_8(5)
WEFT_BIND_8(6)
WEFT_BIND_8(7)
#undef WEFT_BIND_8
#undef WEFT_BIND
#undef WEFT_LIST
#undef WEFT_EIGHTS_7
#undef WEFT_EIGHTS_6
#undef WEFT_EIGHTS_5
#undef WEFT_EIGHTS_4
#undef WEFT_EIGHTS_3
#undef WEFT_EIGHTS_2
#undef WEFT_EIGHTS_1
#undef WEFT_EIGHTS_0
#undef WEFT_8
#undef WEFT_7
#undef WEFT_6
#undef WEFT_5
#undef WEFT_4
#undef WEFT_3
#undef WEFT_2
#undef WEFT_1
#undef WEFT_BRACES
#undef WEFT_WHOLE
#undef WEFT_NAME

inline constexpr std::size_t most_fields = 64;
inline constexpr std::size_t no_fields = static_cast<std::size_t>(-1);  // not reflectable

/// The most empty braces T takes, from `Low` that it takes to below `High` that it does not (or most_fields + 1).
template <class T, std::size_t Low, std::size_t High>
consteval std::size_t bisect_braces() {
  if constexpr (High - Low == 1) {
    return Low;
  } else {
    constexpr std::size_t middle = Low + (High - Low) / 2;
    if constexpr (bind<middle>::template takes<T>)
      return bisect_braces<T, middle, High>();
    else
      return bisect_braces<T, Low, middle>();
  }
}
template <class T, std::size_t N = 1>
consteval std::size_t gallop_braces() {
  if constexpr (!bind<N>::template takes<T>)
    return bisect_braces<T, N / 2, N>();
  else if constexpr (N == most_fields)
    return N;
  else
    return gallop_braces<T, N * 2>();
}

// The slow way, for types with a field that {} cannot make: fillers, and arrays counted by their elements.
template <class T, std::size_t... Before, std::size_t... Nested, std::size_t... After>
consteval bool fits(std::index_sequence<Before...>, std::index_sequence<Nested...>, std::index_sequence<After...>) {
  using any = any_but<T>;
  if constexpr (sizeof...(Nested) == 0)
    return requires { T{(void(Before), any{})..., (void(After), any{})...}; };
  else
    return requires { T{(void(Before), any{})..., {(void(Nested), any{})...}, (void(After), any{})...}; };
}
template <class T, std::size_t Before, std::size_t Nested = 0, std::size_t After = 0>
inline constexpr bool fits_v = fits<T>(std::make_index_sequence<Before>{}, std::make_index_sequence<Nested>{},
                                       std::make_index_sequence<After>{});
template <class T, std::size_t... I>
consteval bool fits_braced(std::index_sequence<I...>) {
  return requires { T{{(void(I), any_but<T>{})}...}; };
}

/// The most fillers T takes: what it takes is one interval, which begins at its last field that must be given.
template <class T, std::size_t N = 1, bool Begun = false>
consteval std::size_t most_fillers() {
  if constexpr (N > most_fields) {
    return Begun ? N : 0;  // N: too many
  } else if constexpr (fits_v<T, N>) {
    return most_fillers<T, N + 1, true>();
  } else if constexpr (Begun) {
    return N - 1;
  } else {
    return most_fillers<T, N + 1>();
  }
}
/// How many of `Total` fillers the field that begins with filler `At` swallows: one, or the elements of an array.
/// Of a nested list with as many elements as the array has, and only then, the rest fits exactly.
template <class T, std::size_t Total, std::size_t At, std::size_t Size = 2>
consteval std::size_t swallowed() {
  if constexpr (At + Size > Total)
    return 1;
  else if constexpr (fits_v<T, At, Size, Total - At - Size> && !fits_v<T, At, Size, Total - At - Size + 1>)
    return Size;
  else
    return swallowed<T, Total, At, Size + 1>();
}
template <class T, std::size_t Total, std::size_t At = 0>
consteval std::size_t fold_fillers() {
  if constexpr (At >= Total)
    return 0;
  else
    return 1 + fold_fillers<T, Total, At + swallowed<T, Total, At>()>();
}
template <class T>
consteval std::size_t count_by_fillers() {
  constexpr std::size_t total = most_fillers<T>();
  if constexpr (total == 0 || total > most_fields)
    return no_fields;
  else if constexpr (fits_braced<T>(std::make_index_sequence<total>{}))
    return total;
  else
    return fold_fillers<T, total>();
}

/// An anonymous union counts as a field, but does not bind to a name: a hard error. So unions are looked for first.
template <class T, std::size_t... I>
consteval bool finds_union(std::index_sequence<I...>) {
  return (bind<I>::template takes<T, any_union> || ...);
}
template <class T, std::size_t... Before, std::size_t... After>
consteval bool union_at(std::index_sequence<Before...>, std::index_sequence<After...>) {
  return requires { T{(void(Before), any_but<T>{})..., any_union{}, (void(After), any_but<T>{})...}; };
}
template <class T, std::size_t Total, std::size_t... I>
consteval bool finds_union_by_fillers(std::index_sequence<I...>) {
  return (union_at<T>(std::make_index_sequence<I>{}, std::make_index_sequence<Total - I - 1>{}) || ...);
}

template <class T>
consteval std::size_t count_fields() {
  if constexpr (!std::is_class_v<T> || !std::is_aggregate_v<T> || requires { sizeof(std::tuple_size<T>); }) {
    return no_fields;  // with a tuple_size, names bind to what get<> gives
  } else if constexpr (requires { T{any_base<T>{}}; }) {
    return no_fields;
  } else if constexpr (bind<0>::takes<T>) {
    constexpr std::size_t n = gallop_braces<T>();
    if constexpr (n < most_fields && bind<n>::template takes<T, any_but<T>>) {
      // A field that {} cannot make: it has a default member initialiser instead.
      constexpr std::size_t m = count_by_fillers<T>();
      if constexpr (m == no_fields ||
                    finds_union_by_fillers<T, most_fillers<T>()>(std::make_index_sequence<most_fillers<T>()>{}))
        return no_fields;
      else
        return m;
    } else if constexpr (bind<n>::template takes<T, any_but<T>> || bind<n>::template takes<T, any_lvalue<T>> ||
                         finds_union<T>(std::make_index_sequence<n>{}) || n == 0) {
      return no_fields;  // too many fields, a reference to an lvalue, a union
    } else {
      return n;
    }
  } else {
    constexpr std::size_t n = count_by_fillers<T>();
    if constexpr (n == no_fields ||
                  finds_union_by_fillers<T, most_fillers<T>()>(std::make_index_sequence<most_fillers<T>()>{}))
      return no_fields;
    else
      return n;
  }
}

/// The number of fields of a non-empty aggregate; no_fields where the fields cannot be told or named.
/// Cost to compile: 1 to 3 ms a type where {} makes every field.
template <class T>
inline constexpr std::size_t field_count = count_fields<T>();

/// type_list of the fields as they are declared: const and references are kept.
template <class T>
using field_types = decltype(bind<field_count<T>>::types(std::declval<T&>()));

/// Bit-fields are left out: what is decoded for one might not fit, and braces must not narrow. They have no size.
template <class T>
consteval bool can_reflect() {
  if constexpr (field_count<T> == no_fields)
    return false;
  else
    return decltype(bind<field_count<T>>::whole(std::declval<T&>()))::value;
}
template <class T>
inline constexpr bool reflectable = can_reflect<T>();

/// f(field...), in order.
template <class T, class F>
constexpr decltype(auto) visit_fields(T& x, F&& f) {
  return bind<field_count<std::remove_const_t<T>>>::visit(x, std::forward<F>(f));
}

}  // namespace weft::detail
