#include "weft/codec.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "env/pages.hpp"

namespace weft {

namespace {

constexpr const char* damaged = "the message is cut short, damaged, or of another type: send it again";

std::uint64_t times(std::uint64_t a, std::uint64_t b) noexcept {
  std::uint64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? ~std::uint64_t(0) : product;
}
std::uint64_t plus(std::uint64_t a, std::uint64_t b) noexcept { return a + b < a ? ~std::uint64_t(0) : a + b; }
std::string hexadecimal(std::uint64_t v) {
  std::string s = "0x";
  for (int shift = 60; shift >= 0; shift -= 4) s += "0123456789abcdef"[v >> shift & 15];
  return s;
}

}  // namespace

// ---- encoder ----

// insert() grows the vector geometrically, and copies large runs into memory that nobody zeroed first; the room kept
// for small puts is zeroed 4 KiB at a time, which costs about as much as the copy.
void encoder::put_more(const void* from, std::size_t bytes) {
  constexpr std::size_t room = 4096;
  const auto* begin = static_cast<const std::byte*>(from);
  message_.resize(used_);
  message_.insert(message_.end(), begin, begin + bytes);
  used_ = message_.size();
  message_.resize(std::max(used_, std::min(message_.capacity(), used_ + room)));
}

void encoder::put_long_count(std::uint64_t n) {
  std::array<std::byte, 10> digits;
  std::size_t size = 0;
  for (; n >= 128; n >>= 7) digits[size++] = static_cast<std::byte>(n & 127) | std::byte(128);
  digits[size++] = static_cast<std::byte>(n);
  put(digits.data(), size);
}

// The size is followed by a bit: 1, the buffer is beside the message; 0, it comes next.
void encoder::attach(std::span<const std::byte> buffer, detail::beside least) {
  const bool beside = buffer.size() >= attach_least && beside_ <= least;
  put_count(std::uint64_t(buffer.size()) << 1 | std::uint64_t(beside));
  if (beside)
    attachments_.push_back(buffer);
  else
    put(buffer.data(), buffer.size());
}

std::vector<std::byte> encoder::take_message() {
  message_.resize(used_);
  used_ = 0;
  return std::exchange(message_, {});
}

void encoder::fail(std::string_view what, std::string_view why) {
  throw codec_error("weft: cannot encode " + std::string(what) + ": " + std::string(why));
}

// ---- decoder ----

void decoder::fail(std::string_view what, std::string_view why) const {
  throw codec_error("weft: cannot decode " + std::string(what) + " at byte " + std::to_string(at_) + " of " +
                    std::to_string(message_.size()) + ": " + std::string(why));
}

void decoder::fail_short(const char* what, std::uint64_t bytes) const {
  fail(what, "it needs " + std::to_string(bytes) + " bytes, and " + std::to_string(left()) + " are left; " + damaged);
}

std::uint64_t decoder::take_count(const char* what) {
  std::uint64_t n = 0;
  for (unsigned shift = 0;; shift += 7) {
    std::byte digit;
    get(&digit, 1, what);
    const auto bits = std::to_integer<std::uint64_t>(digit & std::byte(127));
    if (shift == 63 && std::to_integer<unsigned>(digit) > 1)
      fail(what, std::string("its size does not fit into 64 bits; ") + damaged);
    n |= bits << shift;
    if ((digit & std::byte(128)) == std::byte(0)) return n;
  }
}

std::size_t decoder::take_count(const char* what, std::size_t least, std::size_t memory) {
  const std::uint64_t n = take_count(what);
  if (times(n, least) > left())
    fail(what, "it says " + std::to_string(n) + " elements of " + std::to_string(least) + " bytes at least, and " +
                   std::to_string(left()) + " bytes are left; " + damaged);
  claim(what, n, memory);
  return static_cast<std::size_t>(n);
}

void decoder::claim(const char* what, std::uint64_t count, std::uint64_t memory) {
  claimed_ = plus(claimed_, times(count, memory));
  if (const std::uint64_t most = plus(limits_.bytes, times(limits_.expansion, message_.size())); claimed_ > most)
    fail(what, "it brings the memory for this message of " + std::to_string(message_.size()) + " bytes to " +
                   std::to_string(claimed_) + ", more than " + std::to_string(most) +
                   "; if the sender is trusted, raise codec_limits::bytes or ::expansion");
}

void decoder::count_empty_element() {
  if (++empty_elements_ > limits_.empty_elements)
    fail("a container", "there are more than " + std::to_string(limits_.empty_elements) +
                            " elements that take no bytes; send their number, or raise codec_limits::empty_elements");
}

std::size_t decoder::attachment_size(const char* what, detail::beside least) {
  const std::uint64_t header = take_count(what), size = header >> 1;
  open_data_ = nullptr;
  open_deferred_ = false;
  if ((header & 1) == 0) {
    if (size > left()) fail_short(what, size);
    open_size_ = static_cast<std::size_t>(size);
    if (size) open_data_ = take(open_size_).data();
    return open_size_;
  }
  const std::string is = "its " + std::to_string(size) + " bytes are in an attachment, ";
  // A short string is within its object, and would not stay in place.
  if (size < encoder::attach_least) fail(what, is + "where no encoder puts so few; " + damaged);
  if (deferred_) {
    if (beside_ > least)
      fail(what, is + "which would not stay in place here: receive the attachments first, and decode then");
    const std::uint64_t all = plus(received_, size);
    if (all > announced_)
      fail(what, is + "which makes " + std::to_string(all) + ", and " + std::to_string(announced_) +
                     " were announced; " + damaged);
    if (all > limits_.deferred)
      fail(what, is + "which makes " + std::to_string(all) + ", more than " + std::to_string(limits_.deferred) +
                     ": raise codec_limits::deferred");
    received_ = all;
    open_deferred_ = true;
  } else {
    if (attachments_.empty()) fail(what, is + "and there is no further one: pass all that came with the message");
    if (attachments_.front().size() != size)
      fail(what, is + "and the next one has " + std::to_string(attachments_.front().size()) +
                     ": pass them in the order of the encoder");
    open_data_ = attachments_.front().data();
    attachments_ = attachments_.subspan(1);
  }
  return open_size_ = static_cast<std::size_t>(size);
}

void decoder::attachment(std::span<std::byte> to) {
  if (to.size() != open_size_)
    fail("an attachment", "it has " + std::to_string(open_size_) + " bytes, and is to go into " +
                              std::to_string(to.size()) + ": make room for attachment_size()");
  if (open_deferred_)
    destinations_.push_back(to);
  else if (open_data_)
    std::memcpy(to.data(), open_data_, open_size_);
  open_data_ = nullptr;
  open_deferred_ = false;
  open_size_ = 0;
}

void decoder::finish() const {
  if (left() != 0)
    fail("a message",
         std::to_string(left()) + " bytes follow the value; it was cut off wrongly, or is of another type");
  if (!attachments_.empty())
    fail("a message", std::to_string(attachments_.size()) + " attachments are not in the value; pass its own only");
  std::uint64_t placed = 0;
  for (const auto& d : destinations_) placed += d.size();
  if (placed != received_)
    fail("a message", "a weft_decode took attachment_size() and not attachment(), so bytes have no destination");
  if (deferred_ && announced_ != deferred_attachments::unknown && announced_ != received_)
    fail("a message", std::to_string(announced_) + " bytes of attachments were announced, and the value has " +
                          std::to_string(received_) + "; " + damaged);
}

// ---- what the kinds of types share ----

namespace detail {

void expect_writes(std::span<std::byte> memory) noexcept { prefer_huge_pages(memory); }

void check_schema(decoder& d, std::uint64_t expected) {
  std::uint64_t found = 0;
  d.get(&found, sizeof found, "a schema hash");
  if (found != expected)
    d.fail("a value", "it was encoded as a type with schema " + hexadecimal(found) + ", and is read as one with " +
                          hexadecimal(expected) + ": build writer and reader from the same source");
}

void nested::fail(std::size_t depth) {
  throw codec_error("weft: cannot encode or decode more than " + std::to_string(depth) +
                    " containers and pointers within each other: hold long chains in a vector, or raise "
                    "codec_limits::depth");
}

void codec_access::fail_value(const decoder& d, const char* what, std::uint64_t value) {
  d.fail(what, std::to_string(value) + " is no value of its type; " + damaged);
}
void codec_access::fail_equal_keys(const decoder& d, const char* what) {
  d.fail(what, std::string("two of its keys are equal; ") + damaged);
}
void codec_access::fail_divided(const decoder& d, const char* what, std::size_t size, std::size_t element) {
  d.fail(what, "its " + std::to_string(size) + " bytes are not a number of elements of " + std::to_string(element) +
                   "; " + damaged);
}

}  // namespace detail

}  // namespace weft
