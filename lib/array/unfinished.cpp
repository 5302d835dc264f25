#include "array/unfinished.hpp"

#include <exception>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

namespace weft::detail::arrays {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view digits = "0123456789abcdef";
constexpr std::string_view ending = ".unfinished";
constexpr std::size_t digits_of_number = 16;

bool is_unfinished(std::string_view name, std::string_view of) {
  if (!name.starts_with(of) || !name.ends_with(ending)) return false;
  if (name.size() != of.size() + 1 + digits_of_number + ending.size() || name[of.size()] != '.') return false;
  return name.substr(of.size() + 1, digits_of_number).find_first_not_of(digits) == std::string_view::npos;
}

}  // namespace

std::string number_in_name(std::uint64_t number) {
  std::string s(digits_of_number, '0');
  for (std::size_t i = s.size(); i-- > 0; number >>= 4) s[i] = digits[number & 15];
  return s;
}

std::string unfinished_beside(const fs::path& path, std::uint64_t number) {
  return fs::absolute(path).string() + "." + number_in_name(number) + std::string(ending);
}

std::vector<fs::path> all_unfinished_beside(const fs::path& path) {
  const fs::path whole = fs::absolute(path);
  const std::string name = whole.filename().string();
  std::vector<fs::path> all;
  std::error_code error;
  for (fs::directory_iterator i(whole.parent_path(), error), end; !error && i != end; i.increment(error))
    if (is_unfinished(i->path().filename().string(), name)) all.push_back(i->path());
  return all;
}

task<> written_or_removed(std::string own, task<> writing) {
  std::exception_ptr failure;
  try {
    co_await std::move(writing);
  } catch (...) { failure = std::current_exception(); }
  if (!failure) co_return;
  std::error_code ignored;  // that it cannot be removed is less than what has happened
  fs::remove(own, ignored);
  std::rethrow_exception(failure);
}

void throw_taken_away(const std::string& path, const std::string& unfinished) {
  throw std::runtime_error("weft: " + unfinished + " was removed while " + path +
                           " was written to it: let one call write it at a time");
}

}  // namespace weft::detail::arrays
