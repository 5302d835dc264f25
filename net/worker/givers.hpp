#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>

#include "wire/ids.hpp"
#include "wire/messages.hpp"

namespace weft::net {

/// Who gives what it has offered, as a worker's exchange knows it: the links that have claimed, and which of them is
/// asked. Pure, and under its owner's lock.
///
/// A giver is awaited by a secret. Of the links that have claimed by it the youngest is asked: there may be several,
/// since a worker that has taken the place of another at its address is dialled for both until the other is known to
/// be gone. An answer counts where it was asked for, only on the link that is asked now, and only if the connection
/// has not broken since: what was asked on another, or before, is asked anew. A session brings the answer all the
/// same, perhaps before anybody has heard of the break, and the value that it announces does not follow.
///
/// That a giver is away, or there, is not told where it happens but by words that are gathered here, and taken by one
/// teller, one after the other: several threads would tell the end of a link behind the beginning of the next, and
/// then nobody would ask a giver that is there. A word says what is true when it is taken, and behind each change
/// comes another; so the last one heard of a giver is right.
class givers {
 public:
  /// Of a link that has claimed; 0: none.
  using claim_number = std::uint64_t;
  struct word {
    peer_id giver = 0;
    bool interrupted = false;  // what it was asked may not come
    bool there = false;        // and it can be asked
  };

  /// Until forget(). Its links are known beyond that.
  void await(peer_id giver, std::uint64_t secret);
  void forget(peer_id giver);

  /// A link has come whose other side gives.
  claim_number claimed(const giver_record& says);
  /// Its connection is broken, or there again.
  void set_away(claim_number link, bool away);
  void ended(claim_number link);

  /// Where to ask, which counts as done. 0: nowhere, and a word says so.
  claim_number ask(peer_id giver, std::uint64_t request, std::size_t values);
  /// It could not be asked there: the link is over, which is told later. Another that came meanwhile stays.
  void not_asked(peer_id giver, claim_number link);
  /// Where it would be asked: what was asked elsewhere, or before a break, does not come any more. 0: nowhere.
  claim_number link_of(peer_id giver) const noexcept;
  /// It answers no more of that request there.
  void stopped(claim_number link, std::uint64_t request);
  /// Whether an answer to one value of a request is looked at. To be called for each, since they are counted. Throws
  /// protocol_error if that was not asked there.
  bool answers(claim_number link, std::uint64_t request);

  bool has_words() const noexcept { return !untold_.empty(); }
  std::optional<word> take_word();

 private:
  struct pending {
    std::size_t values = 0;  // that have no answer
    bool over = false;       // the connection has broken since
  };
  struct claim {
    giver_record says;
    bool away = false, over = false;
    std::map<std::uint64_t, pending> unanswered;  // by request
  };
  struct giver {
    std::uint64_t secret;
    claim_number link = 0;
  };
  void choose(peer_id id, giver& g);

  std::map<claim_number, claim> claims_;  // by age
  std::map<peer_id, giver> awaited_;
  std::map<peer_id, bool> untold_;  // whether it was interrupted
  claim_number last_ = 0;
};

}  // namespace weft::net
