#include "worker/givers.hpp"

#include <string>
#include <utility>

#include "wire/batch.hpp"

namespace weft::net {

void givers::await(peer_id id, std::uint64_t secret) {
  giver& g = awaited_[id] = {secret};
  choose(id, g);
  if (g.link != 0) untold_.emplace(id, false);
}

void givers::forget(peer_id id) {
  awaited_.erase(id);
  untold_.erase(id);
}

void givers::choose(peer_id id, giver& g) {
  g.link = 0;
  for (const auto& [number, c] : claims_)
    if (!c.over && c.says.secret == g.secret && giver_of(c.says.submitter) == id) g.link = number;
}

givers::claim_number givers::claimed(const giver_record& says) {
  claims_[++last_].says = says;
  const peer_id id = giver_of(says.submitter);
  const auto at = awaited_.find(id);
  if (at == awaited_.end() || at->second.secret != says.secret) return last_;
  const bool replaces = std::exchange(at->second.link, last_) != 0;
  untold_[id] |= replaces;
  return last_;
}

void givers::set_away(claim_number link, bool away) {
  const auto c = claims_.find(link);
  if (c == claims_.end()) return;
  c->second.away = away;
  if (away)
    for (auto& [request, left] : c->second.unanswered) left.over = true;
  const peer_id id = giver_of(c->second.says.submitter);
  if (const auto at = awaited_.find(id); at != awaited_.end() && at->second.link == link) untold_[id] |= away;
}

void givers::ended(claim_number link) {
  const auto c = claims_.find(link);
  if (c == claims_.end()) return;
  const peer_id id = giver_of(c->second.says.submitter);
  c->second.over = true;
  not_asked(id, link);
  claims_.erase(c);
}

givers::claim_number givers::ask(peer_id id, std::uint64_t request, std::size_t values) {
  const auto at = awaited_.find(id);
  if (at == awaited_.end()) return 0;
  if (at->second.link == 0)
    untold_[id] = true;
  else
    claims_.at(at->second.link).unanswered[request].values += values;
  return at->second.link;
}

void givers::not_asked(peer_id id, claim_number link) {
  const auto c = claims_.find(link);
  if (c != claims_.end()) c->second.over = true;
  const auto at = awaited_.find(id);
  if (at == awaited_.end() || at->second.link != link) return;
  choose(id, at->second);
  untold_[id] = true;
}

givers::claim_number givers::link_of(peer_id id) const noexcept {
  const auto at = awaited_.find(id);
  return at == awaited_.end() ? 0 : at->second.link;
}

void givers::stopped(claim_number link, std::uint64_t request) {
  if (const auto c = claims_.find(link); c != claims_.end()) c->second.unanswered.erase(request);
}

bool givers::answers(claim_number link, std::uint64_t request) {
  const auto c = claims_.find(link);
  if (c == claims_.end()) return false;
  const giver_record& says = c->second.says;
  const auto asked = c->second.unanswered.find(request);
  if (asked == c->second.unanswered.end())
    throw protocol_error("weft: submitter " + std::to_string(says.submitter) + " answers request " +
                         std::to_string(request) + ", which it was not asked");
  const bool over = asked->second.over;
  if (--asked->second.values == 0) c->second.unanswered.erase(asked);
  const auto at = awaited_.find(giver_of(says.submitter));
  return !over && at != awaited_.end() && at->second.link == link;
}

std::optional<givers::word> givers::take_word() {
  if (untold_.empty()) return {};
  const auto first = untold_.extract(untold_.begin());
  const claim_number link = awaited_.at(first.key()).link;
  return word{first.key(), first.mapped(), link != 0 && !claims_.at(link).away};
}

}  // namespace weft::net
