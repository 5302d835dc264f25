#include "weft/codec.hpp"

#include <bitset>
#include <catch2/catch.hpp>
#include <chrono>
#include <complex>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <filesystem>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

#include "weft/environment.hpp"

namespace shapes {

enum class colour : std::uint8_t { red, green, blue };
enum plain_enum : int { one = 1, seven = 7 };
enum open_enum { open };  // its values are those of one bit
enum class truth : bool { no, yes };

struct point {
  float x = 0, y = 0;
  bool operator==(const point&) const = default;
};
struct padded {
  char c = 0;
  std::int64_t n = 0;
  bool b = false;
  bool operator==(const padded&) const = default;
};
struct nothing {
  bool operator==(const nothing&) const = default;
};
struct tree {
  int value = 0;
  std::vector<tree> kids;
  bool operator==(const tree&) const = default;
};
struct chain {
  int value = 0;
  std::unique_ptr<chain> next;
};
struct needs_int {
  int value;
  explicit needs_int(int v) : value(v) {}
};
struct with_arrays {
  int id = 0;
  char name[16] = {};
  std::string text;
  std::int16_t grid[2][3] = {};
  std::string words[2];
  bool operator==(const with_arrays&) const = default;
};
struct with_const_array {
  const int id;
  const char name[4];
  std::string text;
  const std::string pair[2];
};
struct no_default {  // of which {} makes no value
  int value;
  no_default() = delete;
  no_default(const no_default&) = default;
  explicit no_default(int v) : value(v) {}
};
no_default weft_decode(weft::decoder& d, std::type_identity<no_default>) { return no_default(weft::decode<int>(d)); }
void weft_encode(weft::encoder& e, const no_default& x) { weft::encode(e, x.value); }
struct holds_no_default {
  std::string before;
  const no_default value;
  char name[3];
  double after;
};
struct default_initialised {
  int a = 1;
  no_default b = no_default(2);
  std::string c = "c";
};
struct buffer {  // a hook with attachments of its own
  std::vector<double> values;
  std::size_t more = 0;
  buffer() = default;
  explicit buffer(std::vector<double> v) : values(std::move(v)) {}
};
void weft_encode(weft::encoder& e, const buffer& b) { e.attach(std::as_bytes(std::span(b.values))); }
buffer weft_decode(weft::decoder& d, std::type_identity<buffer>) {
  buffer b(std::vector<double>(d.attachment_size() / sizeof(double)));
  d.attachment(std::as_writable_bytes(std::span(b.values)));
  return b;
}
std::size_t weft_owned_bytes(const buffer& b) { return sizeof b + 8 * b.values.size(); }
constexpr std::string_view weft_schema(std::type_identity<buffer>) { return "buffer 1"; }

struct many {
  std::string a0, a1, a2, a3, a4, a5, a6, a7, b0, b1, b2, b3, b4, b5, b6, b7;
  int c0 = 0, c1 = 0, c2 = 0, c3 = 0, c4 = 0, c5 = 0, c6 = 0, c7 = 0, d0 = 0, d1 = 0, d2 = 0, d3 = 0, d4 = 0, d5 = 0;
  std::vector<int> d6, d7, e0, e1, e2, e3, e4, e5, e6, e7, f0, f1, f2, f3, f4, f5, f6, f7;
  double g0 = 0, g1 = 0, g2 = 0, g3 = 0, g4 = 0, g5 = 0, g6 = 0, g7 = 0, h0 = 0, h1 = 0, h2 = 0, h3 = 0, h4 = 0;
  char h5 = 0, h6 = 0, h7 = 0;
  bool operator==(const many&) const = default;
};
struct too_many {
  many m;
  int a[65];
  int a0, a1, a2, a3, a4, a5, a6, a7, b0, b1, b2, b3, b4, b5, b6, b7, c0, c1, c2, c3, c4, c5, c6, c7, d0, d1, d2, d3,
      d4, d5, d6, d7, e0, e1, e2, e3, e4, e5, e6, e7, f0, f1, f2, f3, f4, f5, f6, f7, g0, g1, g2, g3, g4, g5, g6, g7,
      h0, h1, h2, h3, h4, h5, h6;
};

struct rich {
  bool flag = false;
  colour c = colour::red;
  plain_enum e = one;
  double number = 0;
  std::byte raw{};
  padded p;
  point points[2];
  std::array<std::string, 2> names;
  std::vector<point> path;
  std::vector<bool> bits;
  std::vector<std::string> words;
  std::u16string wide;
  std::deque<int> queue;
  std::list<std::string> list;
  std::map<std::string, std::vector<int>> map;
  std::set<int> set;
  std::multimap<int, int> multimap;
  std::unordered_map<int, std::string> table;
  std::unordered_set<std::string> names_set;
  std::pair<int, std::string> pair;
  std::tuple<int, std::string, bool> tuple;
  std::optional<std::string> some, none;
  std::variant<std::monostate, int, std::string> variant;
  std::unique_ptr<point> pointer, null;
  std::chrono::nanoseconds duration{};
  std::chrono::sys_time<std::chrono::seconds> time{};
  std::complex<double> z;
  std::bitset<11> few;
  tree t;
};

rich example() {
  rich r;
  r.flag = true;
  r.c = colour::blue;
  r.e = seven;
  r.number = 1.5;
  r.raw = std::byte(7);
  r.p = {'x', -5, true};
  r.points[1] = {1, 2};
  r.names = {"ann", "bob"};
  r.path = {{1, 2}, {3, 4}};
  r.bits = {true, false, true, true, false, false, true, false, true};
  r.words = {"", "a", "a longer word that is on the heap"};
  r.wide = u"wide";
  r.queue = {1, 2, 3};
  r.list = {"x", "y"};
  r.map = {{"one", {1}}, {"two", {1, 2}}};
  r.set = {3, 1, 2};
  r.multimap = {{1, 1}, {1, 2}};
  r.table = {{5, "five"}};
  r.names_set = {"solo"};
  r.pair = {1, "p"};
  r.tuple = {2, "t", true};
  r.some = "some";
  r.variant = std::string("v");
  r.pointer = std::make_unique<point>(point{5, 6});
  r.duration = std::chrono::nanoseconds(12);
  r.time = std::chrono::sys_time<std::chrono::seconds>(std::chrono::seconds(99));
  r.z = {1, -1};
  r.few = 0b101'0000'0001;
  r.t = {1, {{2, {}}, {3, {{4, {}}}}}};
  return r;
}

bool same(const rich& a, const rich& b) {
  return std::tie(a.flag, a.c, a.e, a.number, a.raw, a.p, a.points[0], a.points[1], a.names, a.path, a.bits, a.words,
                  a.wide, a.queue, a.list, a.map, a.set, a.multimap, a.table, a.names_set, a.pair, a.tuple, a.some,
                  a.none, a.variant, a.duration, a.time, a.z, a.few, a.t) ==
             std::tie(b.flag, b.c, b.e, b.number, b.raw, b.p, b.points[0], b.points[1], b.names, b.path, b.bits,
                      b.words, b.wide, b.queue, b.list, b.map, b.set, b.multimap, b.table, b.names_set, b.pair,
                      b.tuple, b.some, b.none, b.variant, b.duration, b.time, b.z, b.few, b.t) &&
         *a.pointer == *b.pointer && !a.null && !b.null;
}

// What is refused.
inline int global = 0;
struct holds_pointer {
  int* p = nullptr;
};
struct holds_reference {
  int a;
  int& r;
};
struct holds_bound_reference {
  int a = 0;
  int& r = global;
};
class own_count {
  std::string s_;
};
std::size_t weft_owned_bytes(const own_count&) { return sizeof(own_count) + 7; }
struct bound_text {
  int a;
  const std::string& r;
  std::string s;
};
struct named_late {
  int a = 0;
};
void weft_encode(weft::encoder& e, const named_late& n) { weft::encode(e, n.a); }
named_late weft_decode(weft::decoder& d, std::type_identity<named_late>) { return {weft::decode<int>(d)}; }
std::string_view weft_schema(std::type_identity<named_late>) { return std::getenv("HOME") ? "home" : "homeless"; }
struct holds_const_reference {
  int a;
  const int& r;
};
struct base {
  int a = 0;
};
struct derived : base {
  int b = 0;
};
struct polymorphic {
  virtual ~polymorphic() = default;
  int a = 0;
};
union either {
  int i;
  float f;
};
struct holds_union {
  int a = 0;
  either e{};
};
struct holds_anonymous_union {
  int a = 0;
  union {
    int i;
    float f;
  };
};
struct holds_bit_field {
  long a : 8;
  double b;
};
struct holds_volatile {
  volatile int a = 0;
};
struct half_hooked {
  int a = 0;
};
void weft_encode(weft::encoder&, const half_hooked&) {}
struct with_private {
  int get() const { return a; }

 private:
  int a = 0;
};

}  // namespace shapes

namespace {

using namespace shapes;
using weft::encodable;

static_assert(encodable<rich> && encodable<tree> && encodable<chain> && encodable<many> && encodable<with_arrays>);
static_assert(encodable<with_const_array> && encodable<holds_no_default> && encodable<default_initialised>);
static_assert(encodable<buffer> && encodable<std::filesystem::path> && encodable<std::unique_ptr<int>>);
static_assert(encodable<std::map<int, tree>> && encodable<std::plus<>> && encodable<long double> &&
              encodable<wchar_t>);
static_assert(!encodable<int*> && !encodable<int&> && !encodable<void> && !encodable<void()> && !encodable<int[]>);
static_assert(!encodable<std::string_view> && !encodable<std::span<int>> && !encodable<const char*>);
static_assert(!encodable<std::nullptr_t> && !encodable<std::function<void()>> && !encodable<std::shared_ptr<int>>);
static_assert(!encodable<std::unique_ptr<polymorphic>> && !encodable<std::unique_ptr<int[]>> &&
              !encodable<std::mutex>);
static_assert(!encodable<std::vector<int*>> && !encodable<std::pair<int&, int>> && !encodable<std::tuple<int&&>>);
static_assert(!encodable<std::variant<int, std::string_view>> && !encodable<std::optional<std::span<int>>>);
static_assert(!encodable<std::map<int, int, std::function<bool(int, int)>>> &&
              !encodable<std::reference_wrapper<int>>);
static_assert(!encodable<holds_pointer> && !encodable<holds_reference> && !encodable<holds_bound_reference>);
static_assert(!encodable<holds_const_reference> && !encodable<derived> && !encodable<polymorphic>);
static_assert(!encodable<either> && !encodable<holds_union> && !encodable<holds_anonymous_union>);
static_assert(!encodable<holds_bit_field> && !encodable<holds_volatile> && !encodable<half_hooked>);
static_assert(!encodable<open_enum> && !encodable<with_private> && !encodable<too_many>);
static_assert(weft::detail::field_count<many> == 64 && weft::detail::field_count<with_arrays> == 5);
static_assert(weft::detail::field_count<with_const_array> == 4 && weft::detail::field_count<holds_no_default> == 4);
static_assert(weft::detail::field_count<default_initialised> == 3 && weft::detail::field_count<rich> == 31);
static_assert(weft::detail::bulk_of<point>() && weft::detail::bulk_of<std::array<point, 3>>());
static_assert(!weft::detail::bulk_of<padded>() && !weft::detail::bulk_of<bool>());

template <class T>
T round_trip(const T& x) {
  return weft::from_bytes<T>(weft::to_bytes(x));
}
template <class T>
bool returns(const T& x) {
  return round_trip(x) == x;
}
std::string error_of(auto&& f) {
  try {
    f();
  } catch (const weft::codec_error& e) { return e.what(); }
  return "no error";
}
bool contains(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }
std::string hex(std::span<const std::byte> bytes) {
  std::string s;
  for (const std::byte b : bytes) {
    s += "0123456789abcdef"[std::to_integer<unsigned>(b) >> 4];
    s += "0123456789abcdef"[std::to_integer<unsigned>(b) & 15];
  }
  return s;
}
template <class T>
std::vector<std::byte> message_of(const T& x) {
  weft::encoder e(weft::encoder::buffers::copied);
  weft::encode(e, x);
  return e.take_message();
}
std::vector<std::byte> bytes(std::initializer_list<unsigned> list) {
  std::vector<std::byte> b;
  for (const unsigned v : list) b.push_back(static_cast<std::byte>(v));
  return b;
}

}  // namespace

TEST_CASE("a value of every kind comes back as it was") {
  CHECK(returns(true));
  CHECK(returns(-3));
  CHECK(returns('x'));
  CHECK(returns(L'x'));
  CHECK(returns(1.25f));
  CHECK(returns(1.0L / 3));
  CHECK(returns(std::byte(200)));
  CHECK(returns(colour::green));
  CHECK(returns(seven));
  CHECK(returns(truth::yes));
  CHECK(returns(point{1, 2}));
  CHECK(returns(padded{'c', -1, true}));
  CHECK(returns(nothing{}));
  CHECK(returns(std::monostate{}));
  CHECK(returns(std::string("text")));
  CHECK(returns(std::string(100'000, 'x')));
  CHECK(returns(std::u8string(u8"text")));
  CHECK(returns(std::u32string(U"text")));
  CHECK(returns(std::wstring(L"text")));
  CHECK(returns(std::vector<int>{1, 2, 3}));
  CHECK(returns(std::vector<int>{}));
  CHECK(returns(std::vector<point>(2000, {1, 2})));
  CHECK(returns(std::vector<padded>(300, {'c', 1, true})));
  CHECK(returns(std::vector<nothing>(7)));
  CHECK(returns(std::vector<std::vector<std::string>>{{"a"}, {}, {"b", "c"}}));
  for (std::size_t n = 0; n < 20; ++n) {
    std::vector<bool> bits(n, true);
    if (n > 3) bits[2] = false;
    CHECK(returns(bits));
  }
  CHECK(returns(std::array<int, 3>{1, 2, 3}));
  CHECK(returns(std::array<int, 0>{}));
  CHECK(returns(std::array<std::string, 2>{"a", "b"}));
  CHECK(returns(std::deque<std::string>{"a", "b"}));
  CHECK(returns(std::list<int>{1, 2}));
  CHECK(returns(std::set<std::string>{"a", "b"}));
  CHECK(returns(std::multiset<int>{1, 1, 2}));
  CHECK(returns(std::map<std::string, point>{{"a", {1, 2}}}));
  CHECK(returns(std::map<int, int, std::greater<>>{{1, 1}, {2, 2}}));
  CHECK(returns(std::multimap<int, std::string>{{1, "a"}, {1, "b"}}));
  CHECK(returns(std::unordered_set<int>{1, 2, 3}));
  CHECK(returns(std::unordered_multiset<int>{1, 1, 3}));
  CHECK(returns(std::unordered_map<std::string, int>{{"a", 1}, {"b", 2}}));
  CHECK(returns(std::unordered_multimap<int, int>{{1, 1}, {1, 2}}));
  CHECK(returns(std::pair<int, std::string>{1, "a"}));
  CHECK(returns(std::tuple<>()));
  CHECK(returns(std::tuple<int, std::string, colour>{1, "a", colour::red}));
  CHECK(returns(std::optional<int>()));
  CHECK(returns(std::optional<std::vector<int>>(std::vector<int>{1})));
  CHECK(returns(std::variant<int, std::string>("a")));
  CHECK(returns(std::chrono::milliseconds(5)));
  CHECK(returns(std::chrono::duration<double>(0.5)));
  CHECK(returns(std::chrono::system_clock::time_point(std::chrono::seconds(5))));
  CHECK(returns(std::complex<float>(1, 2)));
  CHECK(returns(std::bitset<70>().set(69).set(3)));
  CHECK(returns(std::bitset<8>(255)));
  CHECK(returns(std::filesystem::path("/tmp/a b/c")));
  CHECK(returns(tree{1, {{2, {}}, {3, {{4, {}}}}}}));
  CHECK(round_trip(std::unique_ptr<int>()) == nullptr);
  CHECK(*round_trip(std::make_unique<std::string>("a")) == "a");
  CHECK(same(round_trip(example()), example()));
}

TEST_CASE("aggregates may have arrays, const members and members without default") {
  with_arrays a{1, "name", "text", {{1, 2, 3}, {4, 5, 6}}, {"x", "y"}};
  CHECK(returns(a));
  const auto c = round_trip(with_const_array{1, {'a', 'b', 'c', 'd'}, "text", {"x", "y"}});
  CHECK((c.id == 1 && std::string_view(c.name, 4) == "abcd" && c.text == "text" && c.pair[1] == "y"));
  const auto n = round_trip(holds_no_default{"before", no_default(3), {'x', 'y', 'z'}, 2.5});
  CHECK((n.before == "before" && n.value.value == 3 && n.name[2] == 'z' && n.after == 2.5));
  const auto i = round_trip(default_initialised{5, no_default(6), "d"});
  CHECK((i.a == 5 && i.b.value == 6 && i.c == "d"));
  many m;
  m.a0 = "a";
  m.d5 = 1;
  m.f7 = {1, 2};
  m.h7 = 'x';
  CHECK(returns(m));
}

TEST_CASE("a lambda without captures comes back callable") {
  auto twice = [](int x) { return 2 * x; };
  auto more = [&](int x) { return 3 * x; };
  CHECK(round_trip(twice)(4) == 8);
  CHECK(round_trip(more)(4) == 12);
}

TEST_CASE("hooks encode what the codec cannot reflect") {
  CHECK(round_trip(no_default(4)).value == 4);
  CHECK(round_trip(buffer({1, 2, 3})).values == std::vector<double>{1, 2, 3});
  CHECK(round_trip(buffer(std::vector<double>(5000, 1.5))).values == std::vector<double>(5000, 1.5));
  CHECK(round_trip(std::map<int, buffer>()).empty());
}

TEST_CASE("every compiler gives the same bytes and schemas") {
  CHECK(hex(message_of(std::tuple<int, bool, double>(1, true, 1.0))) == "0100000001000000000000f03f");
  CHECK(hex(message_of(padded{'c', 2, true})) == "63020000000000000001");
  CHECK(hex(message_of(std::vector<point>{{1, 2}})) == "100000803f00000040");
  CHECK(hex(message_of(std::vector<std::string>{"ab", ""})) == "0204616200");
  CHECK(hex(message_of(std::vector<bool>{true, false, true})) == "0305");
  CHECK(hex(message_of(std::map<int, std::optional<char>>{{1, 'x'}, {2, {}}})) == "020100000001780200000000");
  CHECK(hex(message_of(std::variant<int, std::string>("z"))) == "01027a");
  CHECK(hex(message_of(std::string(100, 'x'))).substr(0, 6) == "c80178");
  CHECK(hex(message_of(std::vector<plain_enum>{one, seven})) == "100100000007000000");
  CHECK(hex(message_of(tree{1, {{2, {}}}})) == "01000000010200000000");
  CHECK(hex(message_of(1.0L)) == "0000000000000080ff3f");
  CHECK(weft::schema_hash<int>() == 0xce9a3352c21b08d9);
  CHECK(weft::schema_hash<std::string>() == 0x74afa33767e2e45a);
  CHECK(weft::schema_hash<rich>() == 0xad40aad0120b18f1);
  CHECK(weft::schema_hash<tree>() == 0x6855052bf2bd5824);
  CHECK(weft::schema_hash<chain>() == 0x8bb446ef49ce9089);
  CHECK(weft::schema_hash<std::vector<named_late>>() != weft::schema_hash<std::vector<no_default>>());
  CHECK(round_trip(std::vector<named_late>{{4}})[0].a == 4);  // a schema known at run time only
  CHECK(weft::schema_hash<buffer>() == 0x5cb5bb7652d61a61);
}

namespace {
struct long_a {
  long a;
  long b;
};
struct long_b {
  long long x, y;
};
struct swapped {
  std::string s;
  int i;
};
struct unswapped {
  int i;
  std::string s;
};
struct flat_three {
  int a, b, c;
};
struct inner_two {
  int a, b;
};
struct nested_three {
  inner_two x;
  int c;
};
struct even;
struct odd {
  std::vector<even> v;
};
struct even {
  std::vector<odd> v;
  std::unique_ptr<even> e;
};
}  // namespace

TEST_CASE("a schema is the structure of a type, without its names") {
  static_assert(weft::schema_hash<long_a>() == weft::schema_hash<long_b>());
  static_assert(weft::schema_hash<swapped>() != weft::schema_hash<unswapped>());
  static_assert(weft::schema_hash<flat_three>() != weft::schema_hash<nested_three>());
  static_assert(weft::schema_hash<int>() != weft::schema_hash<unsigned>());
  static_assert(weft::schema_hash<std::vector<int>>() != weft::schema_hash<std::deque<int>>());
  static_assert(weft::schema_hash<std::chrono::seconds>() != weft::schema_hash<std::chrono::minutes>());
  static_assert(weft::schema_hash<even>() != weft::schema_hash<odd>());
  static_assert(weft::schema_hash<int[3]>() == weft::schema_hash<std::array<int, 3>>());
  static_assert(weft::schema_hash<no_default>() != weft::schema_hash<buffer>());
  static_assert(weft::schema_hash<const int>() == weft::schema_hash<int>());
}

TEST_CASE("bytes of another type are refused by their schema") {
  const auto text = error_of([] { (void)weft::from_bytes<swapped>(weft::to_bytes(unswapped{1, "a"})); });
  CHECK(contains(text, "weft: cannot decode a value at byte 8 of 14: it was encoded as a type with schema 0x"));
  CHECK(contains(text, "same source"));
}

TEST_CASE("bytes that follow a value are an error") {
  auto b = weft::to_bytes(std::string("abc"));
  b.push_back(std::byte(0));
  CHECK(contains(error_of([&] { (void)weft::from_bytes<std::string>(b); }), "1 bytes follow the value"));
}

TEST_CASE("a message cut at any byte is an error") {
  const auto b = weft::to_bytes(example());
  for (std::size_t n = 0; n < b.size(); ++n) {
    // a copy of its own size, so that a sanitizer sees every read past the end
    const std::vector<std::byte> cut(b.begin(), b.begin() + static_cast<std::ptrdiff_t>(n));
    CHECK_THROWS_AS(weft::from_bytes<rich>(cut), weft::codec_error);
  }
}

TEST_CASE("a message with any bit flipped is an error or a value") {
  const auto b = weft::to_bytes(example());
  std::size_t values = 0, errors = 0;
  for (std::size_t bit = 0; bit < 8 * b.size(); ++bit) {
    auto flipped = b;
    flipped[bit / 8] ^= std::byte(1) << (bit % 8);
    try {
      const rich r = weft::from_bytes<rich>(flipped);
      if (r.pointer) CHECK_FALSE(weft::to_bytes(r).empty());
      ++values;
    } catch (const weft::codec_error&) { ++errors; }
  }
  CHECK(values > 100);
  CHECK(errors > 100);
}

TEST_CASE("a bool, an enum of bool, an optional and unused bits are strict") {
  const auto two = bytes({2}), bits = bytes({3, 8});
  const auto attempt = [](const std::vector<std::byte>& b, auto type) {
    return error_of([&] {
      weft::decoder d(b);
      (void)weft::decode<typename decltype(type)::type>(d);
    });
  };
  CHECK(contains(attempt(two, std::type_identity<bool>()),
                 "weft: cannot decode a bool at byte 1 of 1: 2 is no value of its type"));
  CHECK(contains(attempt(two, std::type_identity<truth>()), "2 is no value"));
  CHECK(contains(attempt(two, std::type_identity<std::optional<nothing>>()), "2 is no value"));
  CHECK(contains(attempt(two, std::type_identity<std::bitset<1>>()), "a bitset"));
  CHECK(contains(attempt(two, std::type_identity<std::variant<nothing, nothing>>()), "index of a variant"));
  CHECK(contains(attempt(bits, std::type_identity<std::vector<bool>>()), "8 is no value"));
}

TEST_CASE("equal keys are an error where keys are unique") {
  const auto b = message_of(std::vector<std::pair<char, char>>{{'a', 'b'}, {'a', 'c'}});
  weft::decoder d(b), e(b);
  CHECK(contains(error_of([&] { (void)weft::decode<std::map<char, char>>(d); }), "two of its keys are equal"));
  CHECK(weft::decode<std::multimap<char, char>>(e).size() == 2);
}

TEST_CASE("hostile counts are refused before memory is allocated") {
  const auto huge = bytes({255, 255, 255, 255, 255, 255, 255, 255, 127});           // 2^63 - 1
  const auto many_bytes = bytes({255, 255, 255, 255, 255, 255, 255, 255, 255, 2});  // more than 64 bits
  const auto attempt = [](const std::vector<std::byte>& b, auto type) {
    using T = typename decltype(type)::type;
    return error_of([&] {
      weft::decoder d(b);
      (void)weft::decode<T>(d);
    });
  };
  CHECK(contains(attempt(huge, std::type_identity<std::vector<int>>()), "bytes are in an attachment"));
  CHECK(contains(attempt(huge, std::type_identity<std::string>()), "bytes are in an attachment"));
  CHECK(contains(attempt(huge, std::type_identity<std::vector<std::string>>()), "elements of 1 bytes at least"));
  CHECK(contains(attempt(huge, std::type_identity<std::set<int>>()), "elements of 4 bytes at least"));
  CHECK(contains(attempt(huge, std::type_identity<std::list<nothing>>()), "codec_limits::bytes"));
  CHECK(contains(attempt(huge, std::type_identity<std::vector<bool>>()), "bytes, and 0 are left"));
  CHECK(contains(attempt(many_bytes, std::type_identity<std::vector<bool>>()), "64 bits"));
  const auto empties = bytes({255, 255, 255, 1});  // 4 million elements without bytes
  CHECK(contains(attempt(empties, std::type_identity<std::vector<nothing>>()), "codec_limits::empty_elements"));
}

TEST_CASE("a message that would grow in memory beyond the limits is refused") {
  const std::vector<std::optional<std::array<char, 4096>>> v(1000);
  const auto b = weft::to_bytes(v);
  CHECK(b.size() < 1100);
  CHECK(weft::from_bytes<std::remove_const_t<decltype(v)>>(b) == v);
  const auto text =
      error_of([&] { (void)weft::from_bytes<std::remove_const_t<decltype(v)>>(b, {.bytes = 1 << 20}); });
  CHECK(contains(text, "raise codec_limits::bytes"));
}

TEST_CASE("depth is limited on both sides") {
  auto deep = [](std::size_t n) {
    std::unique_ptr<chain> c;
    for (std::size_t i = 0; i < n; ++i) c = std::make_unique<chain>(chain{1, std::move(c)});
    return c;
  };
  CHECK(round_trip(deep(63)) != nullptr);
  CHECK(contains(error_of([&] { (void)weft::to_bytes(deep(64)); }), "codec_limits::depth"));
  const weft::codec_limits deeper{.depth = 1000};
  weft::encoder e(weft::encoder::buffers::copied, deeper);
  weft::encode(e, deep(900));
  weft::decoder fine(e.message(), deeper), bomb(e.message());
  CHECK(weft::decode<std::unique_ptr<chain>>(fine) != nullptr);
  CHECK(contains(error_of([&] { (void)weft::decode<std::unique_ptr<chain>>(bomb); }), "codec_limits::depth"));
  std::vector<std::byte> kids;  // each tree has one kid
  for (int i = 0; i < 100'000; ++i)
    kids.insert(kids.end(), {std::byte(0), std::byte(0), std::byte(0), std::byte(0), std::byte(1)});
  weft::decoder d(kids);
  CHECK_THROWS_AS(weft::decode<tree>(d), weft::codec_error);
}

TEST_CASE("the memory of what comes later is not written before, and is whole when it has come") {
  const auto there = [] { return weft::real_environment().resident_memory(); };
  constexpr std::size_t n = std::size_t{8} << 20;
  using value = std::tuple<std::vector<double>, std::vector<std::complex<float>>, std::string>;
  weft::encoder e;
  weft::encode(e, value(std::vector<double>(n, 1.5), std::vector<std::complex<float>>(600, {1, 2}),
                        std::string(5 << 20, 's')));
  const std::uint64_t before = there();
  weft::decoder d(e.message(), weft::deferred_attachments{n * sizeof(double) + 4800 + (5 << 20)});
  value got = weft::decode<value>(d);
  d.finish();
  if (weft::detail::end_of<std::vector<double>>::may_move) CHECK(there() < before + n * sizeof(double) / 2);
  auto& [numbers, pairs, text] = got;
  REQUIRE(numbers.size() == n);
  REQUIRE(pairs.size() == 600);
  REQUIRE(text.size() == 5 << 20);
  REQUIRE(d.destinations().size() == 3);
  CHECK(d.destinations()[0].data() == static_cast<void*>(numbers.data()));
  const double last = 2.5;
  std::memcpy(d.destinations()[0].last(sizeof last).data(), &last, sizeof last);
  std::memset(d.destinations()[1].data(), 0, d.destinations()[1].size());
  std::memset(d.destinations()[2].data(), 't', d.destinations()[2].size());
  CHECK(numbers.back() == 2.5);
  numbers.push_back(3.5);  // it is a vector like any other
  CHECK(numbers[n - 1] == 2.5);
  CHECK(numbers[n] == 3.5);
  CHECK(pairs == std::vector<std::complex<float>>(600));
  CHECK(text == std::string(5 << 20, 't'));
}

TEST_CASE("large buffers travel beside the message") {
  using value = std::pair<std::vector<std::vector<double>>, std::string>;
  value v{{std::vector<double>(1000, 1.5), std::vector<double>(3, 2.5)}, std::string(5000, 's')};
  weft::encoder e;
  weft::encode(e, v);
  REQUIRE(e.attachments().size() == 2);
  CHECK(e.message().size() < 50);
  CHECK(static_cast<const void*>(e.attachments()[0].data()) == v.first[0].data());
  CHECK(e.attachments()[0].size() == 8000);

  SECTION("in memory, aligned or not") {
    weft::decoder d(e.message(), e.attachments());
    CHECK(weft::decode<value>(d) == v);
    d.finish();
    std::vector<std::byte> odd(8001);
    std::memcpy(odd.data() + 1, v.first[0].data(), 8000);
    const std::span<const std::byte> moved[] = {std::span(odd).subspan(1), e.attachments()[1]};
    weft::decoder u(e.message(), moved);
    CHECK(weft::decode<value>(u) == v);
  }
  SECTION("deferred") {
    weft::decoder d(e.message(), weft::deferred_attachments{13'000});
    value got = weft::decode<value>(d);
    d.finish();
    REQUIRE(d.destinations().size() == 2);
    const value moved = std::move(got);
    for (std::size_t i = 0; i < 2; ++i) {
      REQUIRE(d.destinations()[i].size() == e.attachments()[i].size());
      std::memcpy(d.destinations()[i].data(), e.attachments()[i].data(), e.attachments()[i].size());
    }
    CHECK(moved == v);
  }
  SECTION("errors") {
    const auto with = [&](auto source, weft::codec_limits limits = {}) {
      return error_of([&] {
        weft::decoder d(e.message(), source, limits);
        (void)weft::decode<value>(d);
        d.finish();
      });
    };
    using spans = std::span<const std::span<const std::byte>>;
    const std::span<const std::byte> exchanged[] = {e.attachments()[1], e.attachments()[0]};
    const std::span<const std::byte> three[] = {e.attachments()[0], e.attachments()[1], e.attachments()[0]};
    CHECK(contains(with(spans()), "there is no further one"));
    CHECK(contains(with(e.attachments().first(1)), "there is no further one"));
    CHECK(contains(with(spans(exchanged)), "the next one has 5000"));
    CHECK(contains(with(spans(three)), "1 attachments are not in the value"));
    CHECK(contains(with(weft::deferred_attachments{12'999}), "12999 were announced"));
    CHECK(contains(with(weft::deferred_attachments{13'001}), "13001 bytes of attachments were announced"));
    CHECK(contains(with(weft::deferred_attachments{}, {.deferred = 10'000}), "raise codec_limits::deferred"));
    CHECK(with(weft::deferred_attachments{}) == "no error");
  }
  SECTION("an encoder may be told to copy") {
    weft::encoder copied(weft::encoder::buffers::copied);
    weft::encode(copied, v);
    CHECK(copied.attachments().empty());
    CHECK(copied.message().size() > 13'000);
    weft::decoder d(copied.message());
    CHECK(weft::decode<value>(d) == v);
  }
}

namespace {
struct copies {  // has no move: a destructor stands in the way
  std::vector<double> v;
  ~copies() = default;
};
struct holds_const {
  const std::vector<double> v;
};
struct moves {
  std::vector<double> v;
};
template <class T>
std::size_t attached(const T& x) {
  weft::encoder e;
  weft::encode(e, x);
  return e.attachments().size();
}
}  // namespace

TEST_CASE("a buffer that would not stay in place is not attached") {
  const std::vector<double> large(1000, 1.0);
  const std::string text(5000, 'x');
  CHECK(attached(large) == 1);
  CHECK(attached(moves{large}) == 1);
  CHECK(attached(std::map<int, std::vector<double>>{{1, large}}) == 1);
  CHECK(attached(std::map<std::string, int>{{text, 1}}) == 0);
  CHECK(attached(std::set<std::string>{text}) == 0);
  CHECK(attached(std::filesystem::path(text)) == 0);
  CHECK(attached(copies{large}) == 0);
  CHECK(attached(std::optional<holds_const>(holds_const{large})) == 0);
  CHECK(attached(buffer(large)) == 1);
  CHECK(attached(std::vector<padded>(1000)) == 0);
  CHECK(attached(std::array<std::vector<double>, 2>{large, large}) == 2);

  // Nor may a message say that it is.
  weft::encoder e;
  const std::list<std::string> list{text};
  weft::encode(e, list);
  weft::decoder later(e.message(), weft::deferred_attachments{}), now(e.message(), e.attachments());
  CHECK(contains(error_of([&] { (void)weft::decode<std::set<std::string>>(later); }), "would not stay in place"));
  CHECK(weft::decode<std::set<std::string>>(now) == std::set<std::string>{text});
  const auto small = bytes({5 << 1 | 1});
  weft::decoder short_string(small, weft::deferred_attachments{});
  CHECK(contains(error_of([&] { (void)weft::decode<std::string>(short_string); }), "where no encoder puts so few"));
}

TEST_CASE("a hook that takes a size and no bytes is found out") {
  weft::encoder e;
  e.attach(std::as_bytes(std::span(std::string_view("short"))));
  const std::vector<double> large(1000, 1.0);
  e.attach(std::as_bytes(std::span(large)));
  weft::decoder d(e.message(), weft::deferred_attachments{});
  std::array<std::byte, 5> five;
  CHECK(d.attachment_size() == 5);
  CHECK(contains(error_of([&] { d.attachment(std::span(five).first(4)); }), "make room for attachment_size()"));
  d.attachment(five);
  CHECK(std::to_integer<char>(five[4]) == 't');
  CHECK(d.attachment_size() == 8000);
  CHECK(contains(error_of([&] { d.finish(); }), "not attachment()"));
}

TEST_CASE("an encoder grows, and starts again after its message was taken") {
  weft::encoder e;
  for (int i = 0; i < 10'000; ++i) weft::encode(e, i);
  CHECK(e.message().size() == 40'000);
  const auto m = e.take_message();
  CHECK(e.message().empty());
  weft::encode(e, 5);
  CHECK(e.message().size() == 4);
  weft::encoder moved = std::move(e);
  weft::encode(e, 5);
  weft::encode(moved, 5);
  CHECK((e.message().size() == 4 && moved.message().size() == 8));
  weft::decoder d(m);
  bool fine = true;
  for (int i = 0; i < 10'000; ++i) fine = fine && weft::decode<int>(d) == i;
  CHECK(fine);
  d.finish();
}

TEST_CASE("a variant without a value cannot be encoded") {
  struct bad {
    operator tree() const { throw 1; }
  };
  std::variant<std::string, tree> v;
  CHECK_THROWS_AS(v.emplace<1>(bad()), int);
  REQUIRE(v.valueless_by_exception());
  CHECK(contains(error_of([&] { (void)weft::to_bytes(v); }), "cannot encode a variant"));
}

TEST_CASE("padding does not leak into a message") {
  alignas(padded) unsigned char first[sizeof(padded)], second[sizeof(padded)];
  std::memset(first, 0, sizeof first);
  std::memset(second, 255, sizeof second);
  auto* a = new (first) padded;
  auto* b = new (second) padded;
  CHECK(message_of(*a) == message_of(*b));
}

TEST_CASE("owned_bytes counts what a value owns") {
  CHECK(weft::owned_bytes(1) == 4);
  CHECK(weft::owned_bytes(point{}) == 8);
  CHECK(weft::owned_bytes(std::string("short")) == sizeof(std::string));
  std::string s(100, 'x');
  CHECK(weft::owned_bytes(s) == sizeof s + s.capacity() + 1);
  std::vector<double> v(10);
  v.reserve(50);
  CHECK(weft::owned_bytes(v) == sizeof v + 400);
  std::vector<std::string> words{s, "a"};
  CHECK(weft::owned_bytes(words) == sizeof words + 2 * sizeof s + words[0].capacity() + 1);
  CHECK(weft::owned_bytes(std::make_unique<std::vector<double>>(v)) == 8 + 24 + 80);
  CHECK(weft::owned_bytes(std::optional<std::string>(s)) == sizeof(std::optional<std::string>) + 101);
  CHECK(weft::owned_bytes(std::map<int, int>{{1, 1}}) > sizeof(std::map<int, int>) + 8);
  CHECK(weft::owned_bytes(tree{1, std::vector<tree>(2)}) == 3 * sizeof(tree));
  CHECK(weft::owned_bytes(buffer({1, 2})) == sizeof(buffer) + 16);
  CHECK(weft::owned_bytes(std::vector<buffer>(1, buffer({1, 2}))) == 24 + sizeof(buffer) + 16);
  CHECK(weft::owned_bytes(std::make_shared<int>(1)) == 16);  // shared is not owned
  CHECK(weft::owned_bytes(std::unique_ptr<int[]>(new int[3])) == 8);
  CHECK(weft::owned_bytes(own_count()) == sizeof(own_count) + 7);
  const std::string long_text(100, 'x');
  CHECK(weft::owned_bytes(bound_text{1, long_text, ""}) == sizeof(bound_text));
  CHECK(weft::owned_bytes(with_private()) == sizeof(with_private));
  CHECK(weft::owned_bytes(example()) > sizeof(rich) + 1000);
  std::unique_ptr<chain> c;
  for (int i = 0; i < 20'000; ++i) c = std::make_unique<chain>(chain{1, std::move(c)});
  CHECK(weft::owned_bytes(c) > 500 * sizeof(chain));  // the rest of so long a chain is not visited
  while (c) c = std::move(c->next);
}
