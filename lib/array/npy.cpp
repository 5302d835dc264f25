#include "array/npy.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string_view>

#include "array/file_box.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

namespace {

constexpr std::string_view magic = "\x93NUMPY";
constexpr std::size_t line = 64;  // the elements begin at a multiple of this

[[noreturn]] void refuse(const std::string& name, const std::string& what) {
  throw std::runtime_error("weft: " + name + " " + what);
}

/// The subset of Python's literals that headers are made of.
class dictionary_parser {
 public:
  dictionary_parser(std::string_view text, const std::string& name) : text_(text), name_(name) {}

  npy_header parse() {
    npy_header h;
    bool descr = false, order = false, shape = false;
    expect('{');
    while (!accept('}')) {
      const std::string_view key = quoted();
      expect(':');
      if (key == "descr" && !descr) {
        descr = true;
        h.type = type();
      } else if (key == "fortran_order" && !order) {
        order = true;
        h.fortran_order = truth();
      } else if (key == "shape" && !shape) {
        shape = true;
        h.shape = tuple();
      } else {
        refuse(name_, "has a damaged header: the key '" + shown(key) + "' is unknown or there twice");
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_spaces();
    if (at_ != text_.size()) damaged("something follows its dictionary");
    if (!descr || !order || !shape)
      damaged(std::string("'") + (!descr ? "descr" : !order ? "fortran_order" : "shape") + "' is missing");
    return h;
  }

 private:
  [[noreturn]] void damaged(const std::string& what) const {
    refuse(name_, "has a damaged header: " + what + " (byte " + std::to_string(at_) + " of it)");
  }
  /// Text from the file, fit for a message.
  static std::string shown(std::string_view text) {
    std::string s(text.substr(0, 40));
    for (char& c : s)
      if (c < ' ' || c > '~') c = '?';
    return text.size() > 40 ? s + "..." : s;
  }

  void skip_spaces() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t')) ++at_;
  }
  bool accept(char c) {
    skip_spaces();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) damaged(std::string("'") + c + "' is missing");
  }
  std::string_view quoted() {
    skip_spaces();
    if (at_ == text_.size() || (text_[at_] != '\'' && text_[at_] != '"')) damaged("a text in quotes is missing");
    const std::size_t end = text_.find(text_[at_], at_ + 1);
    if (end == std::string_view::npos) damaged("a text has no end");
    const std::string_view inside = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return inside;
  }
  item_type type() {
    skip_spaces();
    if (at_ < text_.size() && text_[at_] == '[')
      refuse(name_, "holds records (structured elements): save each field as an array of its own");
    const std::string_view text = quoted();
    const std::optional<item_type> t = parse_item_type(text);
    if (!t)
      refuse(name_, "holds elements of type '" + shown(text) +
                        "': arrays have numbers only (bool, int, uint, float, complex), so convert it with astype");
    return *t;
  }
  bool truth() {
    skip_spaces();
    for (const bool value : {true, false}) {
      const std::string_view word = value ? "True" : "False";
      if (text_.substr(at_).starts_with(word)) {
        at_ += word.size();
        return value;
      }
    }
    damaged("fortran_order is neither True nor False");
  }
  std::vector<std::size_t> tuple() {
    std::vector<std::size_t> numbers;
    expect('(');
    while (!accept(')')) {
      skip_spaces();
      std::size_t n = 0;
      const char* const begin = text_.data() + at_;
      const auto parsed = std::from_chars(begin, text_.data() + text_.size(), n);
      if (parsed.ec != std::errc{}) damaged("the shape has an entry that is no number of elements");
      at_ += static_cast<std::size_t>(parsed.ptr - begin);
      if (at_ < text_.size() && text_[at_] == 'L') ++at_;  // Python 2
      if (numbers.size() == most_copied_axes)
        refuse(name_, "has more than " + std::to_string(most_copied_axes) + " axes, the most that arrays may have");
      numbers.push_back(n);
      if (!accept(',')) {
        if (numbers.size() == 1) damaged("the shape is a number, and no tuple");
        expect(')');
        break;
      }
    }
    return numbers;
  }

  std::string_view text_;
  const std::string& name_;
  std::size_t at_ = 0;
};

/// Where the header's length is, and how many bytes it has.
std::size_t length_bytes(unsigned version) { return version == 1 ? 2 : 4; }

std::string shape_text(std::span<const std::size_t> shape) {
  std::string s = "(";
  for (std::size_t i = 0; i < shape.size(); ++i) s += (i != 0 ? ", " : "") + std::to_string(shape[i]);
  return s + (shape.size() == 1 ? ",)" : ")");
}

file_layout layout_of(const npy_header& h) {
  file_layout l{.offset = h.data_offset, .item = h.type.size, .shape = h.shape};
  l.steps.resize(h.shape.size());
  std::uint64_t step = h.type.size;
  for (std::size_t k = 0; k < h.shape.size(); ++k) {
    const std::size_t a = h.fortran_order ? k : h.shape.size() - 1 - k;
    l.steps[a] = step;
    step *= h.shape[a];
  }
  return l;
}

}  // namespace

std::size_t npy_header_size(std::span<const std::byte> begin, const std::string& name) {
  constexpr std::size_t before_length = magic.size() + 2;
  if (begin.size() < before_length + 2 || std::memcmp(begin.data(), magic.data(), magic.size()) != 0)
    refuse(name, "is no npy file: it does not begin as one");
  const auto version = std::to_integer<unsigned>(begin[magic.size()]);
  if (version < 1 || version > 3)
    refuse(name, "is an npy file of version " + std::to_string(version) + ": versions 1 to 3 can be read");
  const std::size_t bytes = length_bytes(version);
  if (begin.size() < before_length + bytes) refuse(name, "is cut short within its header");
  std::size_t length = 0;
  for (std::size_t i = bytes; i-- > 0;) length = length << 8 | std::to_integer<std::size_t>(begin[before_length + i]);
  if (length > most_npy_header)
    refuse(name, "has a header of " + std::to_string(length) + " bytes: at most " + std::to_string(most_npy_header) +
                     " are read");
  return before_length + bytes + length;
}

npy_header parse_npy_header(std::span<const std::byte> head, std::uint64_t file_size, const std::string& name) {
  const std::size_t size = npy_header_size(head, name);
  if (head.size() < size || file_size < size) refuse(name, "is cut short within its header");
  const std::size_t begin = magic.size() + 2 + length_bytes(std::to_integer<unsigned>(head[magic.size()]));
  const std::string_view text(reinterpret_cast<const char*>(head.data()) + begin, size - begin);
  npy_header h = dictionary_parser(text, name).parse();
  h.data_offset = size;
  const std::optional<std::uint64_t> bytes = bytes_of(h.shape, h.type.size);
  if (!bytes || *bytes > file_size - size)
    refuse(name, "is cut short: an array of shape " + shape_text(h.shape) + " and type " + to_string(h.type) +
                     (bytes ? " has " + std::to_string(*bytes) + " bytes" : " has more bytes than any file") +
                     ", and there are " + std::to_string(file_size - size));
  return h;
}

std::vector<std::byte> make_npy_header(npy_header& h, unsigned version) {
  if (version < 1 || version > 3)
    throw misuse("weft: an npy file of version " + std::to_string(version) + ": there are versions 1 to 3");
  std::string text = "{'descr': '" + to_string(h.type) +
                     "', 'fortran_order': " + (h.fortran_order ? "True" : "False") +
                     ", 'shape': " + shape_text(h.shape) + ", }";
  const std::size_t begin = magic.size() + 2 + length_bytes(version);
  const std::size_t size = (begin + text.size() + 1 + line - 1) / line * line;
  text.resize(size - begin - 1, ' ');
  text += '\n';
  std::string head(magic);
  head += static_cast<char>(version);
  head += '\0';
  for (std::size_t i = 0; i < length_bytes(version); ++i) head += static_cast<char>(text.size() >> 8 * i & 255);
  head += text;
  h.data_offset = head.size();
  std::vector<std::byte> bytes(head.size());
  std::memcpy(bytes.data(), head.data(), head.size());
  return bytes;
}

task<npy_header> read_npy_header(file& f) {
  const std::uint64_t file_size = co_await f.size();
  std::vector<std::byte> head(4096);
  const std::size_t n = co_await f.read_full_at(0, head);
  head.resize(n);
  const std::size_t size = npy_header_size(head, f.path());
  if (size > n) {
    head.resize(size);
    const std::size_t more = co_await f.read_full_at(n, std::span(head).subspan(n));
    head.resize(n + more);
  }
  co_return parse_npy_header(head, file_size, f.path());
}

task<> read_npy_box(file& f, const npy_header& h, std::span<const std::size_t> first,
                    std::span<const std::size_t> extents, std::byte* to, byte_steps to_steps) {
  const file_layout layout = layout_of(h);
  co_await read_file_box(f, layout, h.type, first, extents, to, to_steps);
}

task<> write_npy_box(file& f, const npy_header& h, std::span<const std::size_t> first,
                     std::span<const std::size_t> extents, const std::byte* from, byte_steps from_steps) {
  const file_layout layout = layout_of(h);
  co_await write_file_box(f, layout, h.type, first, extents, from, from_steps);
}

task<file> create_npy(std::string path, npy_header& h) {
  const std::vector<std::byte> head = make_npy_header(h);
  const std::optional<std::uint64_t> bytes = bytes_of(h.shape, h.type.size);
  if (!bytes || h.shape.size() > most_copied_axes)
    throw misuse("weft: " + path + " cannot hold an array of shape " + shape_text(h.shape) + ": it is too large");
  file f = co_await file::open(std::move(path), {.mode = access::read_write, .create = true, .truncate = true});
  co_await f.write_full_at(0, head);
  co_await f.truncate(h.data_offset + *bytes);
  co_return f;
}

}  // namespace weft::detail::arrays
