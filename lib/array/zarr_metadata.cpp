#include <simdjson.h>

#include <algorithm>
#include <bit>
#include <numeric>
#include <stdexcept>

#include "array/zarr.hpp"
#include "array/zarr_fill.hpp"

namespace weft::detail::arrays {

namespace {

namespace dom = simdjson::dom;

/// Both versions' metadata, read by what they have in common.
class metadata_reader {
 public:
  metadata_reader(dom::element root, const std::string& name) : root_(root), name_(name) {}

  zarr_array read() {
    if (!root_.is_object()) refuse("is no object");
    const std::size_t version = size_of(member(root_, "zarr_format"), "zarr_format");
    if (version != 2 && version != 3)
      refuse("has zarr_format " + std::to_string(version) + ": versions 2 and 3 can be read");
    z_.version = static_cast<unsigned>(version);
    z_.shape = sizes_of(member(root_, "shape"), "shape");
    z_.order.resize(z_.shape.size());
    std::iota(z_.order.begin(), z_.order.end(), std::size_t{0});
    version == 2 ? read_2() : read_3();
    check();
    return z_;
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw std::runtime_error("weft: the metadata in " + name_ + " cannot be used: " + what);
  }
  [[noreturn]] void refuse_kind(const std::string& what, const char* kind) const {
    refuse("'" + what + "' is not " + kind);
  }
  /// Text from the file, fit for a message.
  static std::string shown(std::string_view text) {
    std::string s(text.substr(0, 40));
    for (char& c : s)
      if (c < ' ' || c > '~') c = '?';
    return text.size() > 40 ? s + "..." : s;
  }

  // ---- JSON ----

  std::optional<dom::element> find(dom::element object, std::string_view key) const {
    dom::element value;
    if (object[key].get(value) != simdjson::SUCCESS) return std::nullopt;
    return value;
  }
  dom::element member(dom::element object, std::string_view key) const {
    const auto value = find(object, key);
    if (!value) refuse("'" + std::string(key) + "' is missing");
    return *value;
  }
  std::size_t size_of(dom::element e, const std::string& what) const {
    std::uint64_t n = 0;
    if (e.get(n) != simdjson::SUCCESS) refuse_kind(what, "a whole number from 0 to 2^64 - 1");
    return n;
  }
  int number_of(dom::element e, const std::string& what, std::int64_t least, std::int64_t most) const {
    std::int64_t n = 0;
    if (e.get(n) != simdjson::SUCCESS || n < least || n > most)
      refuse("'" + what + "' is not a whole number from " + std::to_string(least) + " to " + std::to_string(most));
    return static_cast<int>(n);
  }
  std::string_view text_of(dom::element e, const std::string& what) const {
    std::string_view s;
    if (e.get(s) != simdjson::SUCCESS) refuse_kind(what, "a text");
    return s;
  }
  bool truth_of(dom::element e, const std::string& what) const {
    bool b = false;
    if (e.get(b) != simdjson::SUCCESS) refuse_kind(what, "true or false");
    return b;
  }
  dom::array list_of(dom::element e, const std::string& what) const {
    dom::array a;
    if (e.get(a) != simdjson::SUCCESS) refuse_kind(what, "a list");
    return a;
  }
  std::vector<std::size_t> sizes_of(dom::element e, const std::string& what) const {
    std::vector<std::size_t> sizes;
    for (const dom::element n : list_of(e, what)) {
      if (sizes.size() == most_copied_axes)
        refuse("'" + what + "' has more than " + std::to_string(most_copied_axes) +
               " axes, the most that arrays may have");
      sizes.push_back(size_of(n, what));
    }
    return sizes;
  }
  /// What version 3 calls an extension: {"name": ..., "configuration": {...}}, or the name alone.
  struct extension {
    std::string_view name;
    std::optional<dom::element> configuration;
  };
  extension extension_of(dom::element e, const std::string& what) const {
    if (e.is_string()) return {text_of(e, what), std::nullopt};
    if (!e.is_object()) refuse_kind(what, "an object with a name");
    extension x{text_of(member(e, "name"), what + ".name"), find(e, "configuration")};
    if (x.configuration && !x.configuration->is_object()) refuse_kind(what + ".configuration", "an object");
    return x;
  }
  dom::element configured(const extension& x, std::string_view key) const {
    const auto value = x.configuration ? find(*x.configuration, key) : std::nullopt;
    if (!value) refuse("'" + shown(x.name) + "' has no '" + std::string(key) + "' in its configuration");
    return *value;
  }

  // ---- version 2 ----

  void read_2() {
    z_.chunk = sizes_of(member(root_, "chunks"), "chunks");
    const dom::element dtype = member(root_, "dtype");
    if (dtype.is_array()) refuse("its elements are records: arrays have numbers only");
    const std::string_view type = text_of(dtype, "dtype");
    const auto t = parse_item_type(type);
    if (!t)
      refuse("its elements are of type '" + shown(type) +
             "': arrays have numbers only (bool, int, uint, float, complex)");
    z_.type = *t;
    const std::string_view order = text_of(member(root_, "order"), "order");
    if (order == "F")
      std::reverse(z_.order.begin(), z_.order.end());
    else if (order != "C")
      refuse("'order' is neither C nor F");
    z_.prefixed = false;
    z_.separator = '.';
    if (const auto separator = find(root_, "dimension_separator")) set_separator(*separator, "dimension_separator");
    const dom::element filters = member(root_, "filters");
    if (!filters.is_null() && list_of(filters, "filters").size() != 0)
      refuse("it has filters, which are not known here: store it without");
    const dom::element compressor = member(root_, "compressor");
    if (!compressor.is_null()) read_compressor(compressor);
    read_fill(member(root_, "fill_value"), true);
  }

  void read_compressor(dom::element c) {
    if (!c.is_object()) refuse_kind("compressor", "an object or null");
    const std::string_view id = text_of(member(c, "id"), "compressor.id");
    if (id == "zstd") {
      z_.codec.of = zarr_codec::kind::zstd;
      z_.codec.level = zstd_level(member(c, "level"));
      if (const auto checksum = find(c, "checksum")) z_.codec.checksum = truth_of(*checksum, "checksum");
    } else if (id == "blosc") {
      const int shuffle = number_of(member(c, "shuffle"), "shuffle", -1, 2);
      using mix = zarr_codec::shuffle;
      z_.codec.mix = shuffle == -1  ? (z_.type.size == 1 ? mix::bits : mix::bytes)
                     : shuffle == 0 ? mix::none
                     : shuffle == 1 ? mix::bytes
                                    : mix::bits;
      read_blosc(member(c, "cname"), member(c, "clevel"), find(c, "blocksize"));
    } else if (id == "gzip" || id == "zlib") {
      z_.codec.of = id == "gzip" ? zarr_codec::kind::gzip : zarr_codec::kind::zlib;
      z_.codec.level = number_of(member(c, "level"), "level", 0, 9);
    } else {
      refuse_codec(id);
    }
  }

  // ---- version 3 ----

  void read_3() {
    if (text_of(member(root_, "node_type"), "node_type") != "array")
      refuse("it is a group, or something else that is no array: name one of its arrays");
    check_known();
    const extension grid = extension_of(member(root_, "chunk_grid"), "chunk_grid");
    if (grid.name != "regular")
      refuse("its chunk grid is '" + shown(grid.name) + "': only regular ones are known here");
    z_.chunk = sizes_of(configured(grid, "chunk_shape"), "chunk_shape");
    z_.type = named_type(extension_of(member(root_, "data_type"), "data_type").name);

    const extension keys = extension_of(member(root_, "chunk_key_encoding"), "chunk_key_encoding");
    if (keys.name != "default" && keys.name != "v2")
      refuse("its chunk keys are encoded as '" + shown(keys.name) + "': 'default' and 'v2' are known here");
    z_.prefixed = keys.name == "default";
    z_.separator = z_.prefixed ? '/' : '.';
    if (keys.configuration)
      if (const auto separator = find(*keys.configuration, "separator")) set_separator(*separator, "separator");

    read_codecs(list_of(member(root_, "codecs"), "codecs"));
    read_fill(member(root_, "fill_value"), false);
  }

  /// Members that the specification does not name must say that they need not be understood.
  void check_known() const {
    static constexpr std::string_view known[] = {
        "zarr_format", "node_type",  "shape",      "data_type",       "chunk_grid",          "chunk_key_encoding",
        "codecs",      "fill_value", "attributes", "dimension_names", "storage_transformers"};
    for (const auto& [key, value] : dom::object(root_)) {
      if (std::find(std::begin(known), std::end(known), key) != std::end(known)) continue;
      const auto must = value.is_object() ? find(value, "must_understand") : std::nullopt;
      if (!must || truth_of(*must, "must_understand")) refuse("it needs the extension '" + shown(key) + "'");
    }
    if (const auto transformers = find(root_, "storage_transformers"))
      if (list_of(*transformers, "storage_transformers").size() != 0) refuse("it needs storage transformers");
  }

  item_type named_type(std::string_view name) const {
    static constexpr std::pair<std::string_view, std::string_view> names[] = {
        {"bool", "|b1"},    {"int8", "|i1"},    {"int16", "=i2"},     {"int32", "=i4"},      {"int64", "=i8"},
        {"uint8", "|u1"},   {"uint16", "=u2"},  {"uint32", "=u4"},    {"uint64", "=u8"},     {"float16", "=f2"},
        {"float32", "=f4"}, {"float64", "=f8"}, {"complex64", "=c8"}, {"complex128", "=c16"}};
    for (const auto& [known, type] : names)
      if (known == name) return *parse_item_type(type);
    refuse("its elements are of type '" + shown(name) +
           "': arrays have numbers only (bool, int, uint, float, complex)");
  }

  /// First those from arrays to arrays (transpose), one from an array to bytes, then those from bytes to bytes.
  void read_codecs(dom::array codecs) {
    bool to_bytes = false;
    for (const dom::element e : codecs) {
      const extension codec = extension_of(e, "codecs");
      if (codec.name == "transpose" && !to_bytes) {
        transpose(sizes_of(configured(codec, "order"), "order"));
      } else if (codec.name == "bytes" && !to_bytes) {
        to_bytes = true;
        if (z_.type.size == 1) continue;
        const std::string_view endian = text_of(configured(codec, "endian"), "endian");
        if (endian != "little" && endian != "big") refuse("'endian' is neither little nor big");
        constexpr bool little = std::endian::native == std::endian::little;
        z_.type.swapped = (endian == "little") != little;
      } else if (codec.name == "transpose" || codec.name == "bytes") {
        refuse("the codec '" + shown(codec.name) + "' comes after the one that makes bytes");
      } else if (codec.name == "crc32c") {
        if (!to_bytes) refuse("the codec 'crc32c' comes before 'bytes'");
        if (z_.codec.crc) refuse("it has two checksums: store it with one");
        z_.codec.crc = true;
      } else if (codec.name == "zstd" || codec.name == "blosc" || codec.name == "gzip") {
        if (z_.codec.crc) refuse("its checksum comes before '" + shown(codec.name) + "': store it with one behind");
        if (!to_bytes) refuse("the codec '" + shown(codec.name) + "' comes before 'bytes'");
        if (z_.codec.of != zarr_codec::kind::none) refuse("it is compressed twice: store it with one compressor");
        read_byte_codec(codec);
      } else {
        refuse_codec(codec.name);
      }
    }
    if (!to_bytes) refuse("its codecs do not make bytes: 'bytes' is missing");
  }

  void transpose(const std::vector<std::size_t>& by) {
    std::vector<std::size_t> sorted = by, identity(z_.shape.size());
    std::sort(sorted.begin(), sorted.end());
    std::iota(identity.begin(), identity.end(), std::size_t{0});
    if (sorted != identity) refuse("the transpose's order is no permutation of the axes");
    const std::vector<std::size_t> before = z_.order;
    for (std::size_t i = 0; i < by.size(); ++i) z_.order[i] = before[by[i]];
  }

  void read_byte_codec(const extension& codec) {
    if (codec.name == "zstd") {
      z_.codec.of = zarr_codec::kind::zstd;
      z_.codec.level = zstd_level(configured(codec, "level"));
      z_.codec.checksum = truth_of(configured(codec, "checksum"), "checksum");
      return;
    }
    if (codec.name == "gzip") {
      z_.codec.of = zarr_codec::kind::gzip;
      z_.codec.level = number_of(configured(codec, "level"), "level", 0, 9);
      return;
    }
    using mix = zarr_codec::shuffle;
    const std::string_view shuffle = text_of(configured(codec, "shuffle"), "shuffle");
    if (shuffle != "noshuffle" && shuffle != "shuffle" && shuffle != "bitshuffle")
      refuse("'shuffle' is none of noshuffle, shuffle and bitshuffle");
    z_.codec.mix = shuffle == "noshuffle" ? mix::none : shuffle == "shuffle" ? mix::bytes : mix::bits;
    read_blosc(configured(codec, "cname"), configured(codec, "clevel"), find(*codec.configuration, "blocksize"));
  }

  // ---- what both have ----

  int zstd_level(dom::element e) const { return number_of(e, "level", -131072, 22); }
  void read_blosc(dom::element name, dom::element level, std::optional<dom::element> block_size) {
    static constexpr std::string_view known[] = {"blosclz", "lz4", "lz4hc", "zlib", "zstd", "snappy"};
    z_.codec.of = zarr_codec::kind::blosc;
    const std::string_view inner = text_of(name, "cname");
    if (std::find(std::begin(known), std::end(known), inner) == std::end(known))
      refuse("Blosc knows no compressor '" + shown(inner) + "'");
    z_.codec.inner = inner;
    z_.codec.level = number_of(level, "clevel", 0, 9);
    if (block_size)
      z_.codec.block_size = static_cast<std::size_t>(number_of(*block_size, "blocksize", 0, std::int64_t{1} << 30));
  }
  [[noreturn]] void refuse_codec(std::string_view codec) const {
    refuse("its chunks are encoded by '" + shown(codec) +
           "': zstd, blosc, gzip, in version 2 zlib, and none at all are known here");
  }
  void set_separator(dom::element e, const std::string& what) {
    const std::string_view s = text_of(e, what);
    if (s != "." && s != "/") refuse("'" + what + "' is neither . nor /");
    z_.separator = s[0];
  }

  json_scalar scalar_of(dom::element e) const {
    bool b = false;
    std::int64_t i = 0;
    std::uint64_t u = 0;
    double d = 0;
    std::string_view s;
    if (e.get(b) == simdjson::SUCCESS) return b;
    if (e.get(i) == simdjson::SUCCESS) return i;
    if (e.get(u) == simdjson::SUCCESS) return u;
    if (e.get(d) == simdjson::SUCCESS) return d;
    if (e.get(s) == simdjson::SUCCESS) return s;
    refuse("'fill_value' is no element");
  }
  void read_fill(dom::element e, bool may_be_null) {
    if (e.is_null() && may_be_null) return;
    std::vector<json_scalar> parts;
    if (e.is_array()) {
      if (z_.type.of != item_type::kind::complex || list_of(e, "fill_value").size() != 2)
        refuse("'fill_value' is a list, and no element");
      for (const dom::element part : list_of(e, "fill_value")) parts.push_back(scalar_of(part));
    } else {
      parts.push_back(scalar_of(e));
    }
    z_.fill = fill_of(parts, z_.type);
    if (!z_.fill) refuse("'fill_value' is no element of type " + to_string(z_.type));
  }

  void check() const {
    if (z_.chunk.size() != z_.shape.size())
      refuse("its shape has " + std::to_string(z_.shape.size()) + " axes, and its chunks " +
             std::to_string(z_.chunk.size()));
    for (std::size_t a = 0; a < z_.chunk.size(); ++a)
      if (z_.chunk[a] == 0) refuse("its chunks have no elements along axis " + std::to_string(a));
    const auto chunk = bytes_of(z_.chunk, z_.type.size);
    if (!chunk || *chunk > most_zarr_chunk)
      refuse("its chunks have " + (chunk ? std::to_string(*chunk) : "more than 2^62") + " bytes: at most " +
             std::to_string(most_zarr_chunk) + " are possible");
    if (!bytes_of(z_.shape, z_.type.size)) refuse("its shape is too large for any memory");
  }

  dom::element root_;
  const std::string& name_;
  zarr_array z_;
};

/// Where the text has the value of a member of its object, by quotes and brackets alone; none: nowhere.
std::string_view text_of_member(std::string_view text, std::string_view name) {
  std::size_t depth = 0, begin = 0, key = 0, key_end = 0;
  bool wanted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') {
      key = i + 1;
      for (++i; i < text.size() && text[i] != '"'; ++i)
        if (text[i] == '\\') ++i;
      key_end = std::min(i, text.size());
      continue;
    }
    if (c == ':' && depth == 1 && !wanted) {
      wanted = text.substr(key, key_end - key) == name;
      begin = i + 1;
    }
    if (wanted && depth == 1 && (c == ',' || c == '}')) return text.substr(begin, i - begin);
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && depth != 0) --depth;
  }
  return {};
}
std::string_view without_space(std::string_view text) {
  constexpr std::string_view space = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(space);
  return begin == std::string_view::npos ? std::string_view()
                                         : text.substr(begin, text.find_last_not_of(space) + 1 - begin);
}

constexpr std::string_view attributes_member = "attributes";

dom::element parsed(dom::parser& parser, std::string_view text, const std::string& name) {
  dom::element root;
  if (const simdjson::error_code e = parser.parse(text.data(), text.size()).get(root))
    throw std::runtime_error("weft: " + name + " is no JSON: " + simdjson::error_message(e));
  return root;
}
/// Of a `zarr.json`. Python writes numbers into attributes that JSON has not, or has not in 64 bits: `lost` are those
/// of which nothing can be read, and the rest is as if there were none.
dom::element parsed_store(dom::parser& parser, std::string_view text, const std::string& name,
                          std::string_view& lost) {
  dom::element root;
  if (parser.parse(text.data(), text.size()).get(root) == simdjson::SUCCESS) return root;
  const std::string_view given = text_of_member(text, attributes_member);
  if (given.empty()) return parsed(parser, text, name);
  const auto at = static_cast<std::size_t>(given.data() - text.data());
  const std::string others = std::string(text.substr(0, at)) + "{}" + std::string(text.substr(at + given.size()));
  if (parser.parse(others).get(root) != simdjson::SUCCESS) return parsed(parser, text, name);
  lost = without_space(given);
  return root;
}

}  // namespace

zarr_array parse_zarr(std::string_view text, const std::string& name) {
  dom::parser parser(most_zarr_metadata);
  std::string_view lost;
  return metadata_reader(parsed_store(parser, text, name, lost), name).read();
}

zarr_notes parse_zarr_notes(std::string_view text, const std::string& name) {
  dom::parser parser(most_zarr_metadata);
  std::string_view lost;
  const dom::element root = parsed_store(parser, text, name, lost);
  zarr_notes notes{.attributes = std::string(lost)};
  dom::object attributes;
  if (root[attributes_member].get(attributes) == simdjson::SUCCESS && attributes.size() != 0)
    notes.attributes = simdjson::minify(attributes);
  dom::array names;
  if (root["dimension_names"].get(names) != simdjson::SUCCESS) return notes;
  for (const dom::element e : names) {
    std::string_view s;
    notes.names.emplace_back(e.get(s) == simdjson::SUCCESS ? std::optional<std::string>(s) : std::nullopt);
  }
  dom::array shape;
  if (root["shape"].get(shape) != simdjson::SUCCESS || shape.size() != notes.names.size()) notes.names.clear();
  return notes;
}

zarr_notes parse_zarr_attributes(std::string_view text, const std::string& name) {
  dom::parser parser(most_zarr_metadata);
  dom::object all;
  if (parsed(parser, text, name).get(all) != simdjson::SUCCESS)
    throw std::runtime_error("weft: " + name + " is no object of JSON");
  zarr_notes notes;
  if (all.size() != 0) notes.attributes = simdjson::minify(all);
  return notes;
}

zarr_notes read_zarr_attributes(std::string_view text) {
  try {
    return parse_zarr_attributes(text, zarr_attributes_name);
  } catch (const std::runtime_error&) { return {.attributes = std::string(without_space(text))}; }
}

bool is_zarr_array(std::string_view text) {
  dom::parser parser(most_zarr_metadata);
  dom::element root;
  std::string_view type, lost;
  try {
    root = parsed_store(parser, text, "", lost);
  } catch (const std::runtime_error&) { return false; }
  return root.is_object() && root["node_type"].get(type) == simdjson::SUCCESS && type == "array";
}

}  // namespace weft::detail::arrays
