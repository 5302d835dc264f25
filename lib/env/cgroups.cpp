#include "env/cgroups.hpp"

#include <fstream>
#include <sstream>

namespace weft::detail {

void for_each_cgroup(const std::string& controller, const std::string& root, const std::string& self,
                     const std::function<void(const std::string&, bool)>& look) {
  const auto walk = [&](std::string directory, const std::string& group, bool version_2) {
    look(directory, version_2);
    std::istringstream parts(group);
    for (std::string part; std::getline(parts, part, '/');)
      if (!part.empty()) look(directory += "/" + part, version_2);
  };
  std::ifstream in(self);
  for (std::string line; std::getline(in, line);) {  // "4:cpu,cpuacct:/path", or "0::/path" for version 2
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1), group = line.substr(second + 1);
    if (controllers.empty()) {
      walk(root, group, true);
      walk(root + "/unified", group, true);
    } else if (("," + controllers + ",").find("," + controller + ",") != std::string::npos) {
      walk(root + "/" + controller, group, false);
      if (controllers != controller) walk(root + "/" + controllers, group, false);
    }
  }
}

}  // namespace weft::detail
