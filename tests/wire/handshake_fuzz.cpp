/// Arbitrary bytes as greetings: what is understood may be said, and is then understood the same. For libFuzzer.
#include <cstdlib>

#include "wire/every_message.hpp"

using namespace weft;

namespace {

template <class M>
void run(std::span<const std::byte> payload, M (*decode)(std::span<const std::byte>)) {
  try {
    const M m = decode(payload);
    const auto again = net::encode(m);
    if (again.size() > net::frame_limits{}.greeting || !test::same(decode(again), m)) std::abort();
    if constexpr (std::is_same_v<M, net::hello>) {
      const net::agreement a = net::negotiate({2, 5}, ~0ull, {m.lowest, m.highest}, m.capabilities);
      if ((a.version == 0) == a.refused.empty() ||
          (a.version != 0 && (a.version < m.lowest || a.version > m.highest)))
        std::abort();
    }
  } catch (const net::protocol_error&) {}
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  const std::vector<std::byte> payload(bytes.begin(), bytes.end());
  run(payload, net::decode_hello);
  run(payload, net::decode_welcome);
  run(payload, net::decode_refuse);
  return 0;
}
