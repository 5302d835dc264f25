/// Arbitrary bytes as a batch of messages of every kind: what is read is written again, and read the same. For
/// libFuzzer.
#include <cstdlib>

#include "wire/every_message.hpp"

using namespace weft;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  const std::vector<std::byte> batch(bytes.begin(), bytes.end());  // aligned, and ends where it ends
  net::batch_writer again;
  std::uint64_t sum = 0;
  try {
    sum = test::read_all(batch);
    net::batch_reader reader(batch);
    std::uint16_t kind = 0;
    while (reader.next(kind))
      test::for_each_message([&]<class M>() {
        if (kind == static_cast<std::uint16_t>(M::kind)) again.add(reader.get<M>());
      });
  } catch (const net::protocol_error&) { return 0; }
  if (test::read_all(again.bytes()) != sum || again.size() > batch.size()) std::abort();
  return 0;
}
