/// Reads arbitrary bytes as a header of npy, as metadata of zarr, as compressed chunks and as the description of a
/// stack of npy files; the first byte chooses. What was read must be read again from what is written of it. For
/// libFuzzer:
///     clang++ -fsanitize=fuzzer,address,undefined ... && ./formats_fuzz tests/array/corpus
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <span>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "array/npy.hpp"
#include "array/stack_info.hpp"
#include "array/zarr.hpp"
#include "weft/errors.hpp"

namespace {

using namespace weft::detail::arrays;

void require(bool right) {
  if (!right) std::abort();
}

void read_npy(std::span<const std::byte> bytes) {
  npy_header h;
  try {
    h = parse_npy_header(bytes, bytes.size() + 1000, "a");
  } catch (const std::runtime_error&) { return; }
  require(bytes_of(h.shape, h.type.size).value() <= bytes.size() + 1000);
  const npy_header before = h;
  const std::vector<std::byte> head = make_npy_header(h);
  const npy_header again = parse_npy_header(head, std::uint64_t{1} << 40, "a");
  require(again.shape == before.shape && again.type == before.type && again.fortran_order == before.fortran_order);
}

void read_zarr(std::string_view text) {
  std::optional<zarr_array> z;
  try {
    z = parse_zarr(text, "a");
  } catch (const std::runtime_error&) { return; }
  if (z->version == 2) z->codec.checksum = false;     // not written
  if (z->version == 3 && !z->fill) std::abort();      // there is none without
  zarr_array again = parse_zarr(make_zarr(*z), "a");  // misuse would end the program
  again.fill = z->fill;                               // the bits of a NaN are not kept
  require(again == *z);
}

void read_chunk(zarr_codec::kind of, std::span<const std::byte> data) {
  if (data.size() < 2) return;
  zarr_array z;
  z.codec.of = of;
  const std::size_t size = std::to_integer<std::size_t>(data[0]) << 8 | std::to_integer<std::size_t>(data[1]);
  std::vector<std::byte> into(size);
  try {
    decode_zarr_chunk(z, data.subspan(2), into, "a");
  } catch (const std::runtime_error&) { return; }
}

void read_stack_info(std::span<const std::byte> bytes) {
  stack_info i;
  try {
    i = parse_stack_info(bytes, "a");
  } catch (const std::runtime_error&) { return; }
  const stack_info again = parse_stack_info(make_stack_info(i), "a");
  require(again.chunks == i.chunks && again.type == i.type && again.axis == i.axis);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::span<const std::byte> rest(reinterpret_cast<const std::byte*>(data) + 1, size - 1);
  switch (data[0] % 6) {
    case 0:
      read_npy(rest);
      break;
    case 1:
      read_zarr({reinterpret_cast<const char*>(data) + 1, size - 1});
      break;
    case 2:
      read_chunk(zarr_codec::kind::zstd, rest);
      break;
    case 3:
      read_chunk(zarr_codec::kind::blosc, rest);
      break;
    case 5:
      read_chunk(zarr_codec::kind::gzip, rest);
      break;
    default:
      read_stack_info(rest);
  }
  return 0;
}
