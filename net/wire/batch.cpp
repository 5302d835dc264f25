#include "wire/batch.hpp"

#include <algorithm>
#include <string>

namespace weft::net {

void batch_writer::grow(std::size_t bytes) {
  constexpr std::size_t least = 4096;
  buffer_.resize(std::max({least, buffer_.size() * 2, used_ + bytes}));
  buffer_.resize(buffer_.capacity());
}

bool batch_reader::next(std::uint16_t& kind) {
  if (rest_.empty()) return false;
  message_header head{};
  if (rest_.size() < sizeof head) throw protocol_error("weft: a batch ends within the header of a message");
  std::memcpy(&head, rest_.data(), sizeof head);
  if (head.bytes < sizeof head || head.bytes % 8 != 0 || head.bytes > rest_.size())
    throw protocol_error("weft: a message of kind " + std::to_string(head.kind) + " says that it has " +
                         std::to_string(head.bytes) + " bytes; its batch has " + std::to_string(rest_.size()));
  current_ = rest_.first(head.bytes);
  rest_ = rest_.subspan(head.bytes);
  kind = kind_ = head.kind;
  parts_ = head.parts;
  return true;
}

void batch_reader::wrong_shape() const {
  throw protocol_error("weft: a message of kind " + std::to_string(kind_) + " does not have the shape of its kind (" +
                       std::to_string(parts_) + " parts, " + std::to_string(current_.size()) + " bytes)");
}

}  // namespace weft::net
