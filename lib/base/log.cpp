#include "base/log.hpp"

#include <cstdio>
#include <mutex>
#include <set>
#include <string>

#include "base/config.hpp"

namespace weft::detail {

void log_once(std::string_view topic, std::string_view message) {
  static std::mutex lock;
  static std::set<std::string, std::less<>> said;
  {
    std::lock_guard guard(lock);
    if (!said.emplace(topic).second) return;
  }
  if (setting("WEFT_LOG", "on") == "off") return;
  const std::string line = "weft: " + std::string(message) + "\n";
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace weft::detail
