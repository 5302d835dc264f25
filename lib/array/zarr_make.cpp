#include <algorithm>
#include <bit>
#include <stdexcept>

#include "array/zarr.hpp"
#include "array/zarr_fill.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

namespace {

std::string list(std::span<const std::size_t> numbers) {
  std::string s = "[";
  for (std::size_t i = 0; i < numbers.size(); ++i) s += (i != 0 ? ", " : "") + std::to_string(numbers[i]);
  return s + "]";
}

std::string blosc_members(const zarr_codec& c, const std::string& shuffle) {
  return "\"cname\": \"" + c.inner + "\", \"clevel\": " + std::to_string(c.level) + ", \"shuffle\": " + shuffle +
         ", \"blocksize\": " + std::to_string(c.block_size);
}

std::string compressor_2(const zarr_codec& c) {
  switch (c.of) {
    case zarr_codec::kind::zstd:
      return "{\"id\": \"zstd\", \"level\": " + std::to_string(c.level) + "}";
    case zarr_codec::kind::blosc:
      return "{\"id\": \"blosc\", " + blosc_members(c, std::to_string(static_cast<int>(c.mix))) + "}";
    case zarr_codec::kind::none:
      break;
  }
  return "null";
}

std::string codec_3(const zarr_codec& c, const item_type& t) {
  static constexpr const char* mixes[] = {"\"noshuffle\"", "\"shuffle\"", "\"bitshuffle\""};
  switch (c.of) {
    case zarr_codec::kind::zstd:
      return ", {\"name\": \"zstd\", \"configuration\": {\"level\": " + std::to_string(c.level) +
             ", \"checksum\": " + (c.checksum ? "true" : "false") + "}}";
    case zarr_codec::kind::blosc:
      return ", {\"name\": \"blosc\", \"configuration\": {" + blosc_members(c, mixes[static_cast<int>(c.mix)]) +
             ", \"typesize\": " + std::to_string(t.size) + "}}";
    case zarr_codec::kind::none:
      break;
  }
  return "";
}

std::string type_name(const item_type& t) {
  const std::string bits = std::to_string(8 * t.size);
  switch (t.of) {
    case item_type::kind::boolean:
      return "bool";
    case item_type::kind::integer:
      return "int" + bits;
    case item_type::kind::natural:
      return "uint" + bits;
    case item_type::kind::real:
      return "float" + bits;
    case item_type::kind::complex:
      return "complex" + bits;
  }
  return "";
}

std::string make_2(const zarr_array& z, const std::string& fill) {
  const bool falling = z.order.size() > 1 && z.order.front() != 0;
  return "{\n  \"zarr_format\": 2,\n  \"shape\": " + list(z.shape) + ",\n  \"chunks\": " + list(z.chunk) +
         ",\n  \"dtype\": \"" + to_string(z.type) + "\",\n  \"compressor\": " + compressor_2(z.codec) +
         ",\n  \"fill_value\": " + fill + ",\n  \"order\": \"" + (falling ? "F" : "C") +
         "\",\n  \"filters\": null,\n  \"dimension_separator\": \"" + z.separator + "\"\n}\n";
}

std::string make_3(const zarr_array& z, const std::string& fill) {
  std::string codecs;
  if (!std::is_sorted(z.order.begin(), z.order.end()))
    codecs += "{\"name\": \"transpose\", \"configuration\": {\"order\": " + list(z.order) + "}}, ";
  constexpr bool little = std::endian::native == std::endian::little;
  codecs += z.type.size == 1 ? "{\"name\": \"bytes\"}"
                             : std::string("{\"name\": \"bytes\", \"configuration\": {\"endian\": \"") +
                                   (z.type.swapped != little ? "little" : "big") + "\"}}";
  codecs += codec_3(z.codec, z.type);
  return "{\n  \"zarr_format\": 3,\n  \"node_type\": \"array\",\n  \"shape\": " + list(z.shape) +
         ",\n  \"data_type\": \"" + type_name(z.type) +
         "\",\n  \"chunk_grid\": {\"name\": \"regular\", \"configuration\": {\"chunk_shape\": " + list(z.chunk) +
         "}},\n  \"chunk_key_encoding\": {\"name\": \"" + (z.prefixed ? "default" : "v2") +
         "\", \"configuration\": {\"separator\": \"" + z.separator + "\"}},\n  \"fill_value\": " + fill +
         ",\n  \"codecs\": [" + codecs + "],\n  \"attributes\": {}\n}\n";
}

/// Whether two codecs do the same: members that their kind does not use do not count.
bool agree(const zarr_codec& a, const zarr_codec& b) {
  if (a.of != b.of) return false;
  if (a.of == zarr_codec::kind::none) return true;
  if (a.of == zarr_codec::kind::zstd) return a.level == b.level && a.checksum == b.checksum;
  return a.level == b.level && a.inner == b.inner && a.mix == b.mix && a.block_size == b.block_size;
}

}  // namespace

std::string make_zarr(const zarr_array& z) {
  if (z.version != 2 && z.version != 3)
    throw misuse("weft: a zarr array of version " + std::to_string(z.version) + ": versions 2 and 3 can be written");
  std::string fill = "null";
  if (z.fill || z.version == 3) {  // which has no null
    const auto text = fill_text(z.fill.value_or(std::vector<std::byte>(z.type.size)), z.type);
    if (!text) throw misuse("weft: the fill value of a zarr array is no element of type " + to_string(z.type));
    fill = *text;
  }
  std::string text = z.version == 2 ? make_2(z, fill) : make_3(z, fill);
  // What is wrong with it the reader knows.
  std::optional<zarr_array> again;
  std::string reason = "version 2 has no such order of axes, prefix of keys or checksum";
  try {
    again = parse_zarr(text, zarr_metadata_name(z));
  } catch (const std::runtime_error& e) { reason = e.what(); }
  if (!again || again->order != z.order || again->prefixed != z.prefixed || !agree(again->codec, z.codec))
    throw misuse("weft: these metadata of a zarr array cannot be written: " + reason);
  return text;
}

std::string zarr_metadata_name(const zarr_array& z) { return z.version == 2 ? ".zarray" : "zarr.json"; }

std::string zarr_key(const zarr_array& z, std::span<const std::size_t> place) {
  std::string key = z.prefixed ? "c" : "";
  for (const std::size_t i : place) {
    if (!key.empty()) key += z.separator;
    key += std::to_string(i);
  }
  return key.empty() ? "0" : key;
}

std::size_t zarr_chunks(const zarr_array& z, std::size_t a) {
  return z.shape[a] / z.chunk[a] + (z.shape[a] % z.chunk[a] != 0 ? 1 : 0);
}

}  // namespace weft::detail::arrays
