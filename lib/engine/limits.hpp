#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/ready_queue.hpp"
#include "weft/detail/node.hpp"
#include "weft/detail/task_details.hpp"

namespace weft::detail {

/// Abstract resources, of which tasks take some while they run: an amount for each name. Tasks that lack one wait in
/// the order of their ranks; one that wants less than the first of those that wait goes before it.
class resource_pool {
 public:
  explicit resource_pool(const resource_amounts& there) : there_(there.begin(), there.end()), free_(there_) {}

  /// Throws misuse when more is wanted than there will ever be.
  void check(const resource_amounts& wanted) const;
  /// True: taken. False: the node waits, until give_back() hands it out.
  bool take(node& n);
  /// The node has ended. Gives those that waited and have what they need now.
  std::vector<node*> give_back(node& n);

 private:
  bool try_take(const resource_amounts& wanted);

  std::mutex lock_;
  const std::map<std::string, std::int64_t, std::less<>> there_;
  std::map<std::string, std::int64_t, std::less<>> free_;
  std::vector<node*> waiting_;  // by rank
};

}  // namespace weft::detail
