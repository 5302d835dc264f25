#include "transport/sha256.hpp"

#include <new>
#include <utility>

#include "transport/openssl.hpp"

namespace weft::net {

struct sha256::state {
  std::unique_ptr<EVP_MD_CTX, openssl_free<EVP_MD_CTX_free>> context{EVP_MD_CTX_new()};
};

sha256::sha256() : state_(std::make_unique<state>()) {
  if (!state_->context) throw std::bad_alloc();
  if (EVP_DigestInit_ex(state_->context.get(), EVP_sha256(), nullptr) != 1) throw_openssl("SHA-256");
}
sha256::~sha256() = default;
sha256::sha256(sha256&&) noexcept = default;
sha256& sha256::operator=(sha256&&) noexcept = default;

void sha256::add(std::span<const std::byte> bytes) {
  if (EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()) != 1) throw_openssl("SHA-256");
}

digest sha256::finish() {
  digest d{};
  unsigned n = 0;
  if (EVP_DigestFinal_ex(state_->context.get(), reinterpret_cast<unsigned char*>(d.data()), &n) != 1 || n != d.size())
    throw_openssl("SHA-256");
  return d;
}

std::string hexadecimal(const digest& d) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const std::byte b : d)
    text += {digits[std::to_integer<unsigned>(b) >> 4], digits[std::to_integer<unsigned>(b) & 15]};
  return text;
}

}  // namespace weft::net
