#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "engine/ready_queue.hpp"
#include "weft/detail/node.hpp"
#include "weft/detail/task_details.hpp"

namespace weft::detail {

/// Abstract resources, of which tasks take some while they run: an amount for each name. Tasks that lack one wait in
/// the order of their ranks. What is free is kept for those that wait, the first of them first: so one that wants
/// much is not passed by ever more that want little, and has to wait for those only that run. But while a coroutine
/// holds some, any that finds enough goes on: the coroutine may be waiting for it.
class resource_pool {
 public:
  explicit resource_pool(const resource_amounts& there) : there_(there.begin(), there.end()), free_(there_) {}

  /// Throws misuse when more is wanted than there will ever be.
  void check(const resource_amounts& wanted) const;
  /// True: taken; or the node has been cancelled, and needs none. False: it waits, until one of the others hands it
  /// out.
  bool take(node& n);
  /// The node has ended. Gives those that waited and have what they need now.
  std::vector<node*> give_back(node& n);
  /// The node has been cancelled. If it waited: gives it, and those behind it that have what they need now.
  std::vector<node*> stop_waiting(node& n);

 private:
  using amounts = std::map<std::string, std::int64_t, std::less<>>;
  static bool enough(const amounts& of, const resource_amounts& wanted);
  /// Whether it can be had without those that wait before this rank.
  bool may_pass(std::uint64_t rank, const resource_amounts& wanted) const;
  void give(node& n);
  void hand_out(const resource_amounts& more, std::vector<node*>& ready);

  struct sooner {
    bool operator()(const node* a, const node* b) const noexcept {
      return std::tie(a->rank, a->number, a) < std::tie(b->rank, b->number, b);
    }
  };
  std::mutex lock_;
  const amounts there_;
  amounts free_, wanted_;       // wanted: by all that wait
  std::size_t coroutines_ = 0;  // that hold some
  std::set<node*, sooner> waiting_;
};

}  // namespace weft::detail
