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
    case zarr_codec::kind::gzip:
      return "{\"id\": \"gzip\", \"level\": " + std::to_string(c.level) + "}";
    case zarr_codec::kind::zlib:
      return "{\"id\": \"zlib\", \"level\": " + std::to_string(c.level) + "}";
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
    case zarr_codec::kind::gzip:
      return ", {\"name\": \"gzip\", \"configuration\": {\"level\": " + std::to_string(c.level) + "}}";
    case zarr_codec::kind::zlib:  // which make_zarr has refused
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

/// Text as JSON has it.
std::string quoted(const std::string& text) {
  std::string s = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') s += '\\';
    if (static_cast<unsigned char>(c) >= 0x20) {
      s += c;
      continue;
    }
    static constexpr const char* digits = "0123456789abcdef";
    s += std::string("\\u00") + digits[c >> 4] + digits[c & 15];
  }
  return s + "\"";
}

std::string names_of(const std::vector<std::optional<std::string>>& names) {
  std::string s = "[";
  for (std::size_t i = 0; i < names.size(); ++i) s += (i != 0 ? ", " : "") + (names[i] ? quoted(*names[i]) : "null");
  return s + "]";
}

std::string make_3(const zarr_array& z, const zarr_notes& notes, const std::string& fill) {
  std::string codecs;
  if (!std::is_sorted(z.order.begin(), z.order.end()))
    codecs += "{\"name\": \"transpose\", \"configuration\": {\"order\": " + list(z.order) + "}}, ";
  constexpr bool little = std::endian::native == std::endian::little;
  codecs += z.type.size == 1 ? "{\"name\": \"bytes\"}"
                             : std::string("{\"name\": \"bytes\", \"configuration\": {\"endian\": \"") +
                                   (z.type.swapped != little ? "little" : "big") + "\"}}";
  codecs += codec_3(z.codec, z.type);
  if (z.codec.crc) codecs += ", {\"name\": \"crc32c\"}";
  return "{\n  \"zarr_format\": 3,\n  \"node_type\": \"array\",\n  \"shape\": " + list(z.shape) +
         ",\n  \"data_type\": \"" + type_name(z.type) +
         "\",\n  \"chunk_grid\": {\"name\": \"regular\", \"configuration\": {\"chunk_shape\": " + list(z.chunk) +
         "}},\n  \"chunk_key_encoding\": {\"name\": \"" + (z.prefixed ? "default" : "v2") +
         "\", \"configuration\": {\"separator\": \"" + z.separator + "\"}},\n  \"fill_value\": " + fill +
         ",\n  \"codecs\": [" + codecs + "]" +
         (notes.names.empty() ? "" : ",\n  \"dimension_names\": " + names_of(notes.names)) +
         ",\n  \"attributes\": " + (notes.attributes.empty() ? "{}" : notes.attributes) + "\n}\n";
}

/// Whether two codecs do the same: members that their kind does not use do not count.
bool agree(const zarr_codec& a, const zarr_codec& b) {
  if (a.of != b.of || a.crc != b.crc) return false;
  if (a.of == zarr_codec::kind::none) return true;
  if (a.of == zarr_codec::kind::zstd) return a.level == b.level && a.checksum == b.checksum;
  if (a.of != zarr_codec::kind::blosc) return a.level == b.level;
  return a.level == b.level && a.inner == b.inner && a.mix == b.mix && a.block_size == b.block_size;
}

}  // namespace

zarr_notes checked_notes(const zarr_array& z, zarr_notes notes) {
  if (!notes.names.empty()) {
    if (z.version == 2)
      throw misuse(
          "weft: names of axes for a Zarr store of version 2, which has none: write version 3, or an attribute "
          "such as _ARRAY_DIMENSIONS");
    if (notes.names.size() > z.shape.size())
      throw misuse("weft: " + std::to_string(notes.names.size()) + " names of axes for a Zarr store of " +
                   std::to_string(z.shape.size()) + ": give one for each");
    notes.names.resize(z.shape.size());
  }
  if (notes.attributes.empty()) return notes;
  const auto check_size = [&] {
    if (notes.attributes.size() > most_zarr_metadata)
      throw misuse("weft: attributes of a Zarr store of " + std::to_string(notes.attributes.size()) +
                   " bytes: its metadata have 4 MiB at most, beyond which they are not read again");
  };
  check_size();
  try {
    notes.attributes = parse_zarr_attributes(notes.attributes, "these attributes").attributes;
  } catch (const std::runtime_error& e) {
    throw misuse(std::string(e.what()) + ": attributes of a Zarr store are the text of a JSON object");
  }
  check_size();  // as they are written: 1e14 has more digits then
  return notes;
}

std::string make_zarr(const zarr_array& z, const zarr_notes& notes) {
  if (z.version != 2 && z.version != 3)
    throw misuse("weft: a zarr array of version " + std::to_string(z.version) + ": versions 2 and 3 can be written");
  std::string fill = "null";
  if (z.fill || z.version == 3) {  // which has no null
    const auto text = fill_text(z.fill.value_or(std::vector<std::byte>(z.type.size)), z.type);
    if (!text) throw misuse("weft: the fill value of a zarr array is no element of type " + to_string(z.type));
    fill = *text;
  }
  std::string text = z.version == 2 ? make_2(z, fill) : make_3(z, notes, fill);
  if (text.size() > most_zarr_metadata)
    throw misuse("weft: metadata of a Zarr store of " + std::to_string(text.size()) +
                 " bytes: they have 4 MiB at most, beyond which they are not read again");
  // What is wrong with it the reader knows.
  std::optional<zarr_array> again;
  std::string reason = z.version == 2 ? "version 2 has no such order of axes, prefix of keys or checksum"
                                      : "version 3 has gzip, and not zlib";
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
