/// Decodes arbitrary bytes as several rich types, from a message alone, with attachments in memory and with deferred
/// ones, and encodes again what decoded: that must decode to the same bytes. For libFuzzer:
///     clang++ -fsanitize=fuzzer,address,undefined ... && ./codec_fuzz tests/object/corpus
#include <bitset>
#include <complex>
#include <cstdlib>
#include <cstring>

#include "weft/codec.hpp"

namespace {

enum class colour : unsigned char { red, green };
struct point {
  float x, y;
};
struct leaf {
  bool on;
  colour c;
  char name[5];
  std::optional<std::string> text;
};
struct tree {
  std::variant<int, std::string, leaf> value;
  std::vector<tree> kids;
};
struct chain {
  std::vector<point> points;
  std::unique_ptr<chain> next;
};
struct fixed {
  const int id;
  const std::string name;
  std::string pair[2];
};
struct hooked {
  std::vector<double> values;
};
void weft_encode(weft::encoder& e, const hooked& h) { e.attach(std::as_bytes(std::span(h.values))); }
hooked weft_decode(weft::decoder& d, std::type_identity<hooked>) {
  const std::size_t size = d.attachment_size("a hooked vector");
  if (size % sizeof(double)) d.fail("a hooked vector", "its size is not a multiple of 8");
  hooked h{std::vector<double>(size / sizeof(double))};
  d.attachment(std::as_writable_bytes(std::span(h.values)));
  return h;
}
struct containers {
  std::vector<bool> bits;
  std::deque<std::u16string> deque;
  std::list<std::vector<point>> list;
  std::map<std::string, std::vector<int>> map;
  std::multimap<short, std::pair<bool, char>> multimap;
  std::set<std::vector<std::string>> set;
  std::unordered_map<std::string, std::unique_ptr<double>> table;
  std::unordered_multiset<int> numbers;
  std::tuple<std::array<leaf, 2>, std::bitset<13>, std::complex<float>> tuple;
  std::vector<std::monostate> empties;
  std::vector<hooked> hooks;
};

constexpr weft::codec_limits limits{
    .depth = 20, .expansion = 64, .bytes = 1 << 20, .empty_elements = 1 << 10, .deferred = 1 << 20};

void require(bool b) {
  if (!b) std::abort();
}

template <class T>
void check_again(const T& x) {
  require(weft::owned_bytes(x) >= sizeof x);
  weft::encoder first(weft::encoder::buffers::copied, limits);
  weft::encode(first, x);
  weft::decoder d(first.message(), weft::codec_limits{.depth = limits.depth});
  const T y = weft::decode<T>(d);
  d.finish();
  weft::encoder beside(weft::encoder::buffers::attached, limits);
  weft::encode(beside, y);
  weft::decoder e(beside.message(), beside.attachments(), weft::codec_limits{.depth = limits.depth});
  const T z = weft::decode<T>(e);
  e.finish();
  weft::encoder second(weft::encoder::buffers::copied, limits);
  weft::encode(second, z);
  require(first.message().size() == second.message().size());  // unordered containers may change their order
}

template <class T>
void run(std::span<const std::byte> message, std::span<const std::byte> rest) {
  try {
    weft::decoder d(message, limits);
    const T x = weft::decode<T>(d);
    check_again(x);
    d.finish();
  } catch (const weft::codec_error&) {}
  try {
    const std::span<const std::byte> attachments[] = {rest, rest};
    weft::decoder d(message, attachments, limits);
    check_again(weft::decode<T>(d));
  } catch (const weft::codec_error&) {}
  try {
    weft::decoder d(message, weft::deferred_attachments{}, limits);
    const T x = weft::decode<T>(d);
    for (const auto to : d.destinations()) std::memset(to.data(), 0x3f, to.size());
    check_again(x);
    d.finish();
  } catch (const weft::codec_error&) {}
}

}  // namespace

/// The first byte chooses the type, the second the size of the attachments there are (of zeros).
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size < 2) return 0;
  const auto all = std::as_bytes(std::span(data, size)).subspan(2);
  static const std::vector<std::byte> zeros(3 * 4096 + 8);
  const auto rest = std::span(zeros).first(static_cast<std::size_t>(data[1] % 4) * 4096 + data[1] / 4 % 8);
  switch (data[0] % 6) {
    case 0:
      run<tree>(all, rest);
      break;
    case 1:
      run<chain>(all, rest);
      break;
    case 2:
      run<containers>(all, rest);
      break;
    case 3:
      run<std::vector<fixed>>(all, rest);
      break;
    case 4:
      run<std::map<int, hooked>>(all, rest);
      break;
    case 5:
      run<std::vector<std::variant<tree, chain, std::vector<leaf>>>>(all, rest);
      break;
  }
  return 0;
}
