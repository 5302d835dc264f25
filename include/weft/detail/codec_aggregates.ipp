#pragma once

#include <array>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>
#include <variant>

// Part of codec_kinds.hpp.

/// The codecs of what holds values within itself: aggregates, arrays, pair, tuple, optional, variant; and unique_ptr.
namespace weft::detail {

// ---- Arrays ----

/// Decodes into an array that lives already.
template <class E, std::size_t N>
void decode_array(decoder& d, E (&to)[N]) {
  if constexpr (bulk_of<E>()) {
    d.get(static_cast<void*>(to), sizeof to, "an array");
  } else {
    for (E& x : to) {
      if constexpr (std::is_array_v<E>)
        decode_array(d, x);
      else
        x = decode_value<E>(d);
    }
  }
}
template <class E>
std::size_t heap_of_run(const E* x, std::size_t n, std::size_t depth) {
  std::size_t sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += heap_bytes<E>(x[i], depth);
  return sum;
}
template <class E>
void encode_run(encoder& e, const E* x, std::size_t n) {
  if constexpr (bulk_of<E>()) {
    e.put(x, n * sizeof(E));
  } else {
    narrowed b(e, within<E>);
    for (std::size_t i = 0; i < n; ++i) encode_value<E>(e, x[i]);
  }
}

template <class E, std::size_t N>
struct codec<E[N]> : codec_base {  // a field, so decoded by decode_array or element by element
  static constexpr bool check(seen_types& s) { return check_at<E>(s); }
  static constexpr bool bulk() { return bulk_of<E>(); }
  static constexpr std::size_t least() { return N * least_of<E>(); }
  static constexpr std::uint64_t schema(schema_walk& w) { return schema_of_kind(kind::array, N, schema_at<E>(w)); }
  static void encode(encoder& e, const E (&x)[N]) { encode_run<E>(e, x, N); }
  static std::size_t heap(const E (&x)[N], std::size_t depth) { return heap_of_run<E>(x, N, depth); }
};

template <class E, std::size_t N>
struct codec<std::array<E, N>> : codec_base {
  using type = std::array<E, N>;
  static constexpr bool in_place = std::is_default_constructible_v<E> && std::is_move_assignable_v<E>;
  static constexpr bool check(seen_types& s) { return check_movable<E>(s) && (in_place || N <= 256); }
  static constexpr bool bulk() { return N > 0 && bulk_of<E>() && sizeof(type) == N * sizeof(E); }
  static constexpr std::size_t least() { return N * least_of<E>(); }
  static constexpr std::uint64_t schema(schema_walk& w) { return schema_of_kind(kind::array, N, schema_at<E>(w)); }
  static void encode(encoder& e, const type& x) { encode_run<plain<E>>(e, x.data(), N); }
  static type decode(decoder& d) {
    if constexpr (N == 0) {
      return type{};
    } else if constexpr (bulk()) {
      return decode_bulk<type>(d, "an array");
    } else {
      narrowed b(d, within<type>);
      if constexpr (in_place) {
        type x;
        for (E& element : x) element = decode_value<E>(d);
        return x;
      } else {
        return [&]<std::size_t... I>(std::index_sequence<I...>) {
          return type{{(void(I), decode_value<plain<E>>(d))...}};
        }(std::make_index_sequence<N>{});
      }
    }
  }
  static std::size_t heap(const type& x, std::size_t depth) { return heap_of_run<plain<E>>(x.data(), N, depth); }
};

// ---- Aggregates ----

/// Arrays replaced by their elements: braces within an initialiser may be left out.
template <class M>
struct flat {
  using type = std::tuple<std::type_identity<plain<M>>>;
};
template <class E, std::size_t N>
struct flat<E[N]> {
  template <std::size_t... I>
  static auto repeat(std::index_sequence<I...>)
      -> decltype(std::tuple_cat((void(I), std::declval<typename flat<plain<E>>::type>())...));
  using type = decltype(repeat(std::make_index_sequence<(N <= 256 ? N : 1)>{}));
};

template <class List>
struct field_list;
template <class... M>
struct field_list<type_list<M...>> {
  static constexpr bool arrays = (std::is_array_v<M> || ...);
  static constexpr bool objects = ((std::is_object_v<M> && !std::is_volatile_v<M>) && ...);
  static constexpr bool assignable =
      ((std::is_array_v<M> ? !std::is_const_v<std::remove_all_extents_t<M>> &&
                                 std::is_move_assignable_v<std::remove_all_extents_t<M>>
                           : std::is_move_assignable_v<M>) &&
       ...);
  static constexpr std::size_t flat_count = ((sizeof(M) / sizeof(std::remove_all_extents_t<M>)) + ... + 0);
  static constexpr std::size_t size = (sizeof(M) + ... + 0);
  static constexpr bool check(seen_types& s) { return (check_at<M>(s) && ...); }
  static consteval bool bulk() { return (bulk_of<M>() && ...); }
  static consteval std::size_t least() { return (least_of<M>() + ... + 0); }
  static constexpr std::uint64_t schema(schema_walk& w) {
    std::uint64_t h = schema_of_kind(kind::aggregate, sizeof...(M));
    ((h = mix(h, schema_at<M>(w))), ...);
    return h;
  }
  template <class T>
  static T decode(decoder& d) {
    return T{decode_value<plain<M>>(d)...};  // braces: from left to right
  }
  template <class T>
  static T decode_flat(decoder& d) {
    using all = decltype(std::tuple_cat(std::declval<typename flat<plain<M>>::type>()...));
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmissing-braces"
    return [&]<class... F>(std::tuple<std::type_identity<F>...>*) {
      return T{decode_value<F>(d)...};
    }(static_cast<all*>(nullptr));
#pragma GCC diagnostic pop
  }
};

template <class T>
concept aggregate_value = std::is_class_v<T> && std::is_aggregate_v<T> && !empty_value<T>;
template <aggregate_value T>
struct codec<T> : codec_base {
  template <class U = T>
  using fields = field_list<field_types<U>>;
  static constexpr std::size_t most_flat = 256;

  static constexpr bool check(seen_types& s) {
    if constexpr (!reflectable<T>) {
      return false;
    } else if constexpr (!fields<>::objects) {
      return false;
    } else {
      if (!s.first_time(identity_of<T>)) return true;
      if constexpr (fields<>::arrays && !in_place() && fields<>::flat_count > most_flat) return false;
      return fields<>::check(s);
    }
  }
  /// No padding: the fields fill it. (Floating point has no unique representation, but no padding either.)
  static constexpr bool bulk() {
    if constexpr (!std::is_trivially_copyable_v<T> || !reflectable<T>)
      return false;
    else
      return fields<>::objects && fields<>::size == sizeof(T) && fields<>::bulk();
  }
  static constexpr std::size_t least() { return fields<>::least(); }
  static constexpr std::uint64_t schema(schema_walk& w) {
    return w.aggregate(identity_of<T>, [&] { return fields<>::schema(w); });
  }
  static void encode(encoder& e, const T& x) {
    if constexpr (bulk()) {
      e.put(static_cast<const void*>(std::addressof(x)), sizeof x);
    } else {
      narrowed b(e, within<T>);
      visit_fields(x, [&](const auto&... m) { (encode_value(e, m), ...); });
    }
  }
  static T decode(decoder& d) {
    if constexpr (bulk()) {
      return decode_bulk<T>(d, "an aggregate");
    } else {
      narrowed b(d, within<T>);
      if constexpr (!fields<>::arrays) {
        return fields<>::template decode<T>(d);
      } else if constexpr (in_place()) {
        T x{};
        visit_fields(x, [&](auto&... m) { (decode_field(d, m), ...); });
        return x;
      } else {
        return fields<>::template decode_flat<T>(d);
      }
    }
  }
  static std::size_t heap(const T& x, std::size_t depth) {
    if constexpr (!reflectable<T>)
      return 0;
    else if constexpr (fields<>::objects)
      return visit_fields(x, [&](const auto&... m) { return (heap_bytes(m, depth) + ... + std::size_t(0)); });
    else
      return 0;
  }

 private:
  static consteval bool in_place() {
    return requires { T{}; } && fields<>::assignable;
  }
  template <class M>
  static void decode_field(decoder& d, M& m) {
    if constexpr (std::is_array_v<M>)
      decode_array(d, m);
    else
      m = decode_value<M>(d);
  }
};

// ---- pair, tuple ----

template <class A, class B>
struct codec<std::pair<A, B>> : codec_base {
  using type = std::pair<A, B>;
  static constexpr bool check(seen_types& s) { return check_movable<A>(s) && check_movable<B>(s); }
  static constexpr std::size_t least() { return least_of<A>() + least_of<B>(); }
  static constexpr std::uint64_t schema(schema_walk& w) {
    const std::uint64_t first = schema_at<A>(w);
    return schema_of_kind(kind::pair, first, schema_at<B>(w));
  }
  static void encode(encoder& e, const type& x) {
    narrowed b(e, within<type>);
    encode_value<plain<A>>(e, x.first);
    encode_value<plain<B>>(e, x.second);
  }
  static type decode(decoder& d) {
    narrowed b(d, within<type>);
    return type{decode_value<plain<A>>(d), decode_value<plain<B>>(d)};
  }
  static std::size_t heap(const type& x, std::size_t depth) {
    return heap_bytes<plain<A>>(x.first, depth) + heap_bytes<plain<B>>(x.second, depth);
  }
};

template <class... E>
struct codec<std::tuple<E...>> : codec_base {
  using type = std::tuple<E...>;
  static constexpr bool check(seen_types& s) { return (check_movable<E>(s) && ...); }
  static constexpr std::size_t least() { return (least_of<E>() + ... + 0); }
  static constexpr std::uint64_t schema(schema_walk& w) {
    std::uint64_t h = schema_of_kind(kind::tuple, sizeof...(E));
    ((h = mix(h, schema_at<E>(w))), ...);
    return h;
  }
  static void encode(encoder& e, const type& x) {
    narrowed b(e, within<type>);
    std::apply([&](const auto&... m) { (encode_value(e, m), ...); }, x);
  }
  static type decode(decoder& d) {
    narrowed b(d, within<type>);
    return type{decode_value<plain<E>>(d)...};
  }
  static std::size_t heap(const type& x, std::size_t depth) {
    return std::apply([&](const auto&... m) { return (heap_bytes(m, depth) + ... + std::size_t(0)); }, x);
  }
};

// ---- optional, variant, unique_ptr ----

template <class T>
struct codec<std::optional<T>> : codec_base {
  using type = std::optional<T>;
  static constexpr bool check(seen_types& s) { return check_movable<T>(s); }
  static constexpr std::size_t least() { return 1; }
  static constexpr std::uint64_t schema(schema_walk& w) { return schema_of_kind(kind::optional, schema_at<T>(w)); }
  static void encode(encoder& e, const type& x) {
    narrowed b(e, within<plain<T>>);
    codec<bool>::encode(e, x.has_value());
    if (x) encode_value<plain<T>>(e, *x);
  }
  static type decode(decoder& d) {
    narrowed b(d, within<plain<T>>);
    if (!codec<bool>::decode(d)) return std::nullopt;
    return type(std::in_place, decode_value<plain<T>>(d));
  }
  static std::size_t heap(const type& x, std::size_t depth) { return x ? heap_bytes<plain<T>>(*x, depth) : 0; }
};

template <class... A>
struct codec<std::variant<A...>> : codec_base {
  using type = std::variant<A...>;
  static constexpr bool check(seen_types& s) { return (check_movable<A>(s) && ...); }
  static constexpr std::size_t least() { return 1; }
  static constexpr std::uint64_t schema(schema_walk& w) {
    std::uint64_t h = schema_of_kind(kind::variant, sizeof...(A));
    ((h = mix(h, schema_at<A>(w))), ...);
    return h;
  }
  static void encode(encoder& e, const type& x) {
    if (x.valueless_by_exception()) encoder::fail("a variant", "it lost its value to an exception; assign one first");
    narrowed b(e, within<type>);
    e.put_count(x.index());
    std::visit([&](const auto& v) { encode_value(e, v); }, x);
  }
  static type decode(decoder& d) {
    narrowed b(d, within<type>);
    const std::uint64_t index = d.take_count("a variant");
    if (index >= sizeof...(A)) codec_access::fail_value(d, "the index of a variant", index);
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      using make = type (*)(decoder&);
      static constexpr make alternatives[] = {&decode_alternative<I>...};
      return alternatives[index](d);
    }(std::index_sequence_for<A...>{});
  }
  static std::size_t heap(const type& x, std::size_t depth) {
    if (x.valueless_by_exception()) return 0;
    return std::visit([&](const auto& v) { return heap_bytes(v, depth); }, x);
  }

 private:
  template <std::size_t I>
  static type decode_alternative(decoder& d) {
    return type(std::in_place_index<I>, decode_value<plain<std::variant_alternative_t<I, type>>>(d));
  }
};

template <class T>
struct codec<std::unique_ptr<T>> : codec_base {
  using type = std::unique_ptr<T>;
  static constexpr bool check(seen_types& s) {
    if constexpr (std::is_array_v<T> || !std::is_object_v<T> || std::is_polymorphic_v<T>)
      return false;
    else
      return check_at<T>(s);
  }
  static constexpr std::size_t least() { return 1; }
  static constexpr std::uint64_t schema(schema_walk& w) { return schema_of_kind(kind::pointer, schema_at<T>(w)); }
  static void encode(encoder& e, const type& x) {
    nested n(e);
    codec<bool>::encode(e, x != nullptr);
    if (x) encode_value<plain<T>>(e, *x);
  }
  static type decode(decoder& d) {
    nested n(d);
    if (!codec<bool>::decode(d)) return nullptr;
    d.claim("a unique_ptr", 1, sizeof(T));
    return type(new T(decode_value<plain<T>>(d)));
  }
  static std::size_t heap(const type& x, std::size_t depth) {
    if constexpr (std::is_object_v<T> && !std::is_array_v<T>)
      return x ? sizeof(T) + heap_bytes<plain<T>>(*x, depth) : 0;
    else
      return 0;  // the number of elements is not known
  }
};

}  // namespace weft::detail
