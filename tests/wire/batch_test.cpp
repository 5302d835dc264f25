/// The codec of messages: every type of message there is, as it should come and as it should not.
#include <catch2/catch.hpp>
#include <cstring>
#include <set>

#include "wire/every_message.hpp"

using namespace weft;
using namespace weft::net;
using weft::test::random_numbers;

namespace {

template <class M>
std::vector<std::byte> one(const M& m) {
  batch_writer w;
  w.add(m);
  return w.take();
}

/// Whether the bytes, in memory that ends where they end, are read without an error.
bool reads(std::span<const std::byte> bytes) {
  std::vector<std::byte> exact(bytes.begin(), bytes.end());
  try {
    test::read_all(exact);
    return true;
  } catch (const protocol_error&) { return false; }
}

}  // namespace

TEST_CASE("every message has a kind of its own, and is known here") {
  std::set<std::uint16_t> kinds;
  test::for_each_message([&]<class M>() { CHECK(kinds.insert(static_cast<std::uint16_t>(M::kind)).second); });
  CHECK(kinds.size() == std::tuple_size_v<test::every_message>);
}

TEST_CASE("every message is read as it was written, alone and among others") {
  random_numbers r(1);
  for (int round = 0; round < 50; ++round) {
    batch_writer w;
    test::for_each_message([&]<class M>() {
      const test::random_message<M> m(r, round % 9 == 0 ? 0 : 20);
      const auto bytes = one(m.message);
      batch_reader reader(bytes);
      std::uint16_t kind = 0;
      REQUIRE(reader.next(kind));
      CHECK(kind == static_cast<std::uint16_t>(M::kind));
      CHECK(test::same(reader.get<M>(), m.message));
      CHECK_FALSE(reader.next(kind));
      w.add(m.message);
    });
    CHECK(w.messages() == std::tuple_size_v<test::every_message>);
    CHECK(reads(w.bytes()));
  }
}

TEST_CASE("every truncation of every message is an error") {
  random_numbers r(2);
  test::for_each_message([&]<class M>() {
    const test::random_message<M> m(r, 5);
    const auto bytes = one(m.message);
    for (std::size_t n = 1; n < bytes.size(); ++n) CHECK_FALSE(reads(std::span(bytes).first(n)));
    // And with a header that knows of it.
    for (std::size_t n = 8; n < bytes.size(); n += 8) {
      auto cut = std::vector(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n));
      const auto length = static_cast<std::uint32_t>(n);
      std::memcpy(cut.data() + 4, &length, sizeof length);
      CHECK_FALSE(reads(cut));
    }
  });
}

TEST_CASE("every corruption of one byte of every message is an error or another message") {
  random_numbers r(3);
  test::for_each_message([&]<class M>() {
    const test::random_message<M> m(r, 3);
    auto bytes = one(m.message);
    const std::size_t sizes = sizeof(message_header) + sizeof(record_of<M>) + 8 * sizeof(std::uint32_t);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const std::byte was = bytes[i];
      for (int v = 0; v < 256; v += i < sizes ? 1 : 51) {
        bytes[i] = static_cast<std::byte>(v);
        reads(bytes);
      }
      bytes[i] = was;
    }
    CHECK(reads(bytes));
  });
}

TEST_CASE("lengths that overflow are errors") {
  const std::uint64_t tasks[] = {1, 2, 3};
  get_values m{};
  m.tasks = tasks;
  auto bytes = one(m);
  for (const std::uint32_t n : {4u, 0x20000000u, 0x20000001u, 0x40000000u, 0x80000000u, 0xffffffffu}) {
    std::memcpy(bytes.data() + sizeof(message_header) + sizeof(get_record), &n, sizeof n);
    CHECK_FALSE(reads(bytes));
  }
}
