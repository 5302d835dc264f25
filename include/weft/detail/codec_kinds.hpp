#pragma once

#include <array>
#include <cfloat>
#include <string_view>

#include "weft/codec.hpp"
#include "weft/detail/reflect.hpp"

/// How each kind of type is encoded. codec<T> has, as functions so that only what is used is instantiated:
///   check(s)     whether T can be encoded, types in s taken as fine
///   bulk()       whether T is encoded as its bytes are: no padding, and all bytes are a value. Of standard library
///                types only what is the same everywhere, since it decides how a vector is written
///   least()      the fewest bytes of an encoded T
///   schema(w)    the hash of the structure
///   encode, decode, heap   for decode, a T is returned; heap is the memory owned outside of T
namespace weft::detail {

// ---- What the kinds use ----

template <class T>
struct codec_of;  // codec<T>, or that of the hooks

template <class T>
using plain = std::remove_const_t<T>;

/// One level of containers and pointers.
class nested {
 public:
  explicit nested(coder_state& c) : coder_(c) {
    if (c.depth_ >= c.limits_.depth) fail(c.limits_.depth);
    ++c.depth_;
  }
  nested(const nested&) = delete;
  nested& operator=(const nested&) = delete;
  ~nested() { --coder_.depth_; }

 private:
  [[noreturn]] static void fail(std::size_t depth);
  coder_state& coder_;
};

/// A part of the value where fewer buffers may be attachments.
class narrowed {
 public:
  narrowed(coder_state& c, beside b) noexcept : coder_(c), before_(c.beside_) {
    if (b > c.beside_) c.beside_ = b;
  }
  narrowed(const narrowed&) = delete;
  narrowed& operator=(const narrowed&) = delete;
  ~narrowed() { coder_.beside_ = before_; }

 private:
  coder_state& coder_;
  beside before_;
};

/// Where T is moved as a whole, this keeps deferred attachments in place: a move that may throw may be a copy, as it
/// is for a type with a const vector or with a destructor of its own.
template <class T>
inline constexpr bool moves_buffers = (!std::is_move_constructible_v<T> || std::is_nothrow_move_constructible_v<T>) &&
                                      (!std::is_move_assignable_v<T> || std::is_nothrow_move_assignable_v<T>);
template <class T>
inline constexpr beside within = moves_buffers<T> ? beside::all : beside::none;

struct codec_access {
  static void attach(encoder& e, std::span<const std::byte> buffer) { e.attach(buffer, beside::all); }
  static std::size_t attachment_size(decoder& d, const char* what) { return d.attachment_size(what, beside::all); }
  /// One element of a container; one without bytes counts.
  template <class F>
  static void element(decoder& d, F&& f) {
    const std::size_t before = d.offset();
    f();
    if (d.offset() == before) d.count_empty_element();
  }
  [[noreturn]] static void fail_value(const decoder& d, const char* what, std::uint64_t value);
  [[noreturn]] static void fail_equal_keys(const decoder& d, const char* what);
  [[noreturn]] static void fail_divided(const decoder& d, const char* what, std::size_t size, std::size_t element);
};

/// The types met on the way: those in `ids` need no second look. Types can be recursive, through aggregates only.
///
/// Types are told apart by their names in this compiler. (Addresses would do, but that g++ does not compare them in
/// constants under its sanitizer, PR 71962.) Only equality counts, so the names do not get into a schema.
template <class T>
consteval std::uint64_t hash_of_name() {
  std::uint64_t h = sizeof(T);
  for (const char* c = __PRETTY_FUNCTION__; *c; ++c) h = (h ^ static_cast<unsigned char>(*c)) * 0x100000001b3;
  return h;
}
template <class T>
inline constexpr std::uint64_t identity_of = hash_of_name<T>();
struct seen_types {
  std::uint64_t ids[256] = {};
  std::size_t count = 0;
  constexpr bool first_time(std::uint64_t id) {
    for (std::size_t i = 0; i < count; ++i) {
      if (ids[i] == id) return false;
    }
    ids[count++] = id;
    return true;
  }
};

constexpr std::uint64_t mix(std::uint64_t h, std::uint64_t v) noexcept {
  h = (h ^ v) * 0x9e3779b97f4a7c15;  // the finisher of MurmurHash3 follows
  h = (h ^ h >> 33) * 0xff51afd7ed558ccd;
  h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53;
  return h ^ h >> 33;
}
template <class... V>
constexpr std::uint64_t mix_all(std::uint64_t h, V... v) noexcept {
  ((h = mix(h, static_cast<std::uint64_t>(v))), ...);
  return h;
}

/// What a schema begins with. Part of the format: the numbers stay.
enum class kind : std::uint64_t {
  signed_integer = 1,
  unsigned_integer = 2,
  floating = 3,
  boolean = 4,
  character = 5,
  enumeration = 6,
  nothing = 7,
  array = 8,
  vector = 9,
  string = 10,
  double_ended = 11,
  list = 12,
  set = 13,
  map = 14,
  unordered_set = 15,
  unordered_map = 16,
  pair = 17,
  tuple = 18,
  optional = 19,
  variant = 20,
  pointer = 21,
  duration = 22,
  instant = 23,  // a time_point
  complex = 24,
  bitset = 25,
  path = 26,
  aggregate = 27,
  cycle = 28,
  hook = 29
};
template <class... V>
constexpr std::uint64_t schema_of_kind(kind k, V... v) noexcept {
  return mix_all(0x77656674, k, v...);
}

/// The walk over a type that hashes it. An aggregate met within itself is hashed as how far up it is; one that
/// holds no such reference to further up has one hash wherever it is met, which is remembered.
struct schema_walk {
  std::uint64_t path[256] = {};
  std::size_t depth = 0;
  std::size_t lowest = 256;  // the outermost place on the path that was referred to
  std::uint64_t known[256] = {};
  std::uint64_t hashes[256] = {};
  std::size_t count = 0;
  template <class F>
  constexpr std::uint64_t aggregate(std::uint64_t id, F&& hash) {
    for (std::size_t i = 0; i < count; ++i) {
      if (known[i] == id) return hashes[i];
    }
    for (std::size_t i = 0; i < depth; ++i) {
      if (path[i] != id) continue;
      if (i < lowest) lowest = i;
      return schema_of_kind(kind::cycle, depth - i);
    }
    const std::size_t place = depth, before = lowest;
    lowest = 256;
    path[depth++] = id;
    const std::uint64_t h = hash();
    --depth;
    if (lowest >= place) {
      known[count] = id;
      hashes[count++] = h;
      lowest = 256;
    }
    if (before < lowest) lowest = before;
    return h;
  }
};

template <class T>
constexpr std::uint64_t schema_at(schema_walk& w) {
  return codec_of<plain<T>>::schema(w);
}
template <class T>
constexpr bool check_at(seen_types& s) {
  return codec_of<plain<T>>::check(s);
}
template <class T>
constexpr bool check_movable(seen_types& s) {  // what is decoded, and then moved into a container
  if constexpr (std::is_object_v<T> && !std::is_array_v<T>)
    return check_at<T>(s) && std::is_move_constructible_v<T>;
  else
    return false;
}
template <class T>
consteval std::size_t least_of() {
  return codec_of<plain<T>>::least();
}
template <class T>
consteval bool bulk_of() {
  return codec_of<plain<T>>::bulk();
}

/// What no codec fits.
template <class T>
struct codec {
  static constexpr bool check(seen_types&) { return false; }
  static constexpr bool bulk() { return false; }
  static constexpr std::size_t least() { return 0; }
  static std::size_t heap(const T&, std::size_t) { return 0; }
};
/// For those that are neither bulk nor own memory.
struct codec_base {
  static constexpr bool check(seen_types&) { return true; }
  static constexpr bool bulk() { return false; }
  template <class T>
  static std::size_t heap(const T&, std::size_t) {
    return 0;
  }
};

template <class T>
T decode_bulk(decoder& d, const char* what) {
  if constexpr (std::is_default_constructible_v<T> && std::is_copy_assignable_v<T>) {
    T x;
    d.get(static_cast<void*>(std::addressof(x)), sizeof x, what);
    return x;
  } else {
    std::array<std::byte, sizeof(T)> raw;
    d.get(raw.data(), sizeof raw, what);
    return std::bit_cast<T>(raw);
  }
}

}  // namespace weft::detail

// In this order, and here.
#include "weft/detail/codec_scalars.ipp"
//
#include "weft/detail/codec_aggregates.ipp"
#include "weft/detail/codec_containers.ipp"

namespace weft::detail {

// ---- Hooks ----

template <class T>
concept encode_hook = requires(encoder& e, const T& x) { weft_encode(e, x); };
template <class T>
concept decode_hook = requires(decoder& d) {
  { weft_decode(d, std::type_identity<T>{}) } -> std::same_as<T>;
};

template <class T>
struct codec_of : codec<T> {};
template <class T>
  requires(std::is_class_v<T> || std::is_enum_v<T> || std::is_union_v<T>) && (encode_hook<T> || decode_hook<T>)
struct codec_of<T> : codec_base {
  static constexpr bool check(seen_types&) { return encode_hook<T> && decode_hook<T>; }  // one alone is a mistake
  static constexpr std::size_t least() { return 0; }
  static constexpr std::uint64_t schema(schema_walk&) {
    std::uint64_t h = schema_of_kind(kind::hook);
    if constexpr (requires { std::string_view(weft_schema(std::type_identity<T>{})); }) {
      for (const char c : std::string_view(weft_schema(std::type_identity<T>{})))
        h = mix(h, static_cast<unsigned char>(c));
    }
    return h;
  }
  static void encode(encoder& e, const T& x) {
    nested n(e);
    narrowed b(e, beside::asked);
    weft_encode(e, x);
  }
  static T decode(decoder& d) {
    nested n(d);
    narrowed b(d, beside::asked);
    return weft_decode(d, std::type_identity<T>{});
  }
};

// ---- What codec.hpp declares ----

template <class T>
consteval bool can_encode() {
  if constexpr (std::is_object_v<T>) {
    seen_types s;
    return check_at<T>(s);
  } else {
    return false;
  }
}
template <class T>
void encode_value(encoder& e, const T& x) {
  codec_of<T>::encode(e, x);
}
template <class T>
T decode_value(decoder& d) {
  return codec_of<T>::decode(d);
}

template <class T>
constexpr std::uint64_t walk_schema() {
  schema_walk w;
  return schema_at<T>(w);
}
template <class T>
std::uint64_t schema_at_run_time() {
  static const std::uint64_t h = walk_schema<T>();
  return h;
}
template <class T>
inline constexpr bool schema_is_constant =
    requires { typename std::integral_constant<std::uint64_t, walk_schema<T>()>; };
template <class T>
constexpr std::uint64_t schema_value() noexcept {
  if constexpr (schema_is_constant<T>)
    return std::integral_constant<std::uint64_t, walk_schema<T>()>::value;
  else
    return schema_at_run_time<T>();
}

template <class T>
std::size_t heap_bytes(const T& x, std::size_t depth) {
  constexpr std::size_t deepest = 1000;  // a chain of pointers counts so far, for the sake of the stack
  if constexpr (requires { static_cast<std::size_t>(weft_owned_bytes(x)); }) {
    const std::size_t all = weft_owned_bytes(x);
    return all > sizeof(T) ? all - sizeof(T) : 0;
  } else if constexpr (std::is_trivially_destructible_v<T>) {
    return 0;
  } else {
    return depth < deepest ? codec_of<T>::heap(x, depth + 1) : 0;
  }
}

}  // namespace weft::detail
