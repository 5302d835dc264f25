#include "wire/handshake.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "base/words.hpp"
#include "wire/text.hpp"

namespace weft::net {

namespace {

std::string text_of(const char* what) { return std::string("weft: the greeting's ") + what; }

/// `Error` is protocol_error for what came, std::invalid_argument for what is about to be sent.
template <class Error>
void check_size(const char* what, std::size_t size, std::size_t most) {
  if (size > most)
    throw Error(text_of(what) + " has " + std::to_string(size) + " bytes; at most " + std::to_string(most) +
                " are accepted");
}
template <class Error>
void check_text(const char* what, std::span<const char> text, std::size_t most) {
  check_size<Error>(what, text.size(), most);
  for (std::size_t i = 0; i < text.size(); ++i)
    if (is_control(text[i]))
      throw Error(text_of(what) + " has the control character " +
                  std::to_string(static_cast<unsigned char>(text[i])) + " at byte " + std::to_string(i));
}
template <class Error>
void check_zero(const char* what, std::uint64_t value) {
  if (value != 0) throw Error(text_of(what) + " is " + std::to_string(value) + "; it is zero in this version");
}
template <class Error>
void check_session(std::uint64_t session, std::uint64_t received) {
  if (session == 0 && received != 0)
    throw Error(text_of("session") + " is none, yet " + std::to_string(received) + " batches of it were received");
}

template <class Error>
void check(const hello& m) {
  if (m.lowest == 0 || m.lowest > m.highest)
    throw Error(text_of("versions") + " are " + std::to_string(m.lowest) + " to " + std::to_string(m.highest) +
                ": not a range");
  if (m.role > static_cast<std::uint8_t>(peer_role::tool))
    throw Error(text_of("role") + " is " + std::to_string(m.role) + "; roles are 0 to " +
                std::to_string(static_cast<unsigned>(peer_role::tool)));
  // Reserved fields are not looked at: a later version may use them, and must be able to agree on this one.
  check_session<Error>(m.session, m.received);
  check_size<Error>("build-id", m.build_id.size(), greeting_limits::build_id);
  check_text<Error>("name", m.name, greeting_limits::name);
  check_text<Error>("address", m.address, greeting_limits::address);
  check_text<Error>("resources", m.resources, greeting_limits::resources);
  check_size<Error>("token", m.token.size(), greeting_limits::token);
}
template <class Error>
void check(const welcome& m) {
  if (m.version == 0) throw Error(text_of("version") + " is 0");
  check_zero<Error>("reserved field", m.reserved);
  if (m.peer >> peer_bits != 0)
    throw Error(text_of("peer id") + " is " + std::to_string(m.peer) + "; it has " + std::to_string(peer_bits) +
                " bits");
  if (m.session == 0) throw Error(text_of("session") + " is 0: a welcome names one");
  check_size<Error>("build-id", m.build_id.size(), greeting_limits::build_id);
  check_text<Error>("name", m.name, greeting_limits::name);
}
template <class Error>
void check(const refuse& m) {
  if (m.code < 1 || m.code > static_cast<std::uint32_t>(refusal::session))
    throw Error(text_of("refusal") + " has the unknown code " + std::to_string(m.code));
  check_zero<Error>("reserved field", m.reserved);
  check_text<Error>("reason", m.reason, greeting_limits::reason);
}

template <class M>
std::vector<std::byte> encode_checked(const M& m) {
  check<std::invalid_argument>(m);
  batch_writer w;
  w.add(m);
  return w.take();
}

template <class M>
M decode_checked(std::span<const std::byte> payload, const char* what) {
  batch_reader r(payload);
  std::uint16_t kind = 0;
  if (!r.next(kind)) throw protocol_error(std::string("weft: a ") + what + " is empty");
  if (kind != static_cast<std::uint16_t>(M::kind))
    throw protocol_error(std::string("weft: a ") + what + " holds a message of kind " + std::to_string(kind) +
                         ", not " + std::to_string(static_cast<unsigned>(M::kind)));
  const M m = r.get<M>();
  if (r.next(kind)) throw protocol_error(std::string("weft: a ") + what + " holds more than one message");
  check<protocol_error>(m);
  return m;
}

std::string range_text(version_range r) {
  return r.lowest == r.highest ? "version " + std::to_string(r.lowest)
                               : "versions " + std::to_string(r.lowest) + " to " + std::to_string(r.highest);
}

}  // namespace

std::string why_no_name(std::string_view name) {
  if (name.empty()) return "a name has one character at least";
  if (name.size() > greeting_limits::name)
    return "it has " + std::to_string(name.size()) + " bytes; a name may have " +
           std::to_string(greeting_limits::name);
  if (std::any_of(name.begin(), name.end(), detail::is_blank))
    return "names are given in lists, with blanks between two: write - or _ where it has a blank";
  if (std::any_of(name.begin(), name.end(), is_control)) return "it has control characters, which nobody can type";
  return {};
}

std::string no_name(std::string_view name, const std::string& why) {
  std::string shown(name.substr(0, greeting_limits::name));
  replace_controls(shown, '?');
  return "a worker cannot be called '" + shown + "': " + why;
}

std::vector<std::byte> encode(const hello& m) { return encode_checked(m); }
std::vector<std::byte> encode(const welcome& m) { return encode_checked(m); }
std::vector<std::byte> encode(const refuse& m) {
  // A reason often quotes what the other side sent, or an exception: it is made what may travel.
  std::string reason(m.reason.data(), std::min(m.reason.size(), greeting_limits::reason));
  replace_controls(reason, ' ');
  refuse sent = m;
  sent.reason = reason;
  return encode_checked(sent);
}

hello decode_hello(std::span<const std::byte> payload) { return decode_checked<hello>(payload, "hello"); }
welcome decode_welcome(std::span<const std::byte> payload) { return decode_checked<welcome>(payload, "welcome"); }
refuse decode_refuse(std::span<const std::byte> payload) { return decode_checked<refuse>(payload, "refusal"); }

agreement negotiate(version_range listener, std::uint64_t listener_capabilities, version_range connector,
                    std::uint64_t connector_capabilities) {
  const std::uint16_t highest = std::min(listener.highest, connector.highest);
  if (highest >= std::max(listener.lowest, connector.lowest))
    return {highest, listener_capabilities & connector_capabilities, {}};
  const bool listener_older = listener.highest < connector.lowest;
  return {0, 0,
          "weft: the side that listens speaks " + range_text(listener) +
              " of the protocol, the side that connects speaks " + range_text(connector) + ": update weft on the " +
              (listener_older ? "first" : "second") + ", or start both from the same program"};
}

}  // namespace weft::net
