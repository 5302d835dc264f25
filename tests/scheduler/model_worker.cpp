#include "model.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace weft::test::scheduling {

bool model_worker::lacks(world& w, const task& t) const {
  if (t.offered != 0 && !w.gives(t.offered, self)) return true;
  return std::any_of(t.inputs.begin(), t.inputs.end(), [&](const input_ref& i) { return !values.contains(i.id); });
}

/// What should be made here is not: tasks that take it, and have not begun, go back.
void model_worker::say_added(task_id id, std::uint64_t bytes) {
  value_added m{};
  m.id = id;
  m.bytes = bytes;
  m.worker = self;
  out.add(m);
}

bool model_worker::takes(task_id id) const {
  return std::any_of(tasks.begin(), tasks.end(), [&](const auto& t) {
    return std::any_of(t.second.inputs.begin(), t.second.inputs.end(),
                       [&](const input_ref& i) { return i.id == id; });
  });
}

void model_worker::pushed(task_id id, std::uint64_t value) {
  if (!promises.contains(id) || values.contains(id) || !takes(id)) return;
  values[id] = value;
  promises.erase(id);
  early.insert(id);
  asked.erase(id);
}

void model_worker::lose_input(task_id id) {
  std::vector<task_id> lost{id};
  while (!lost.empty()) {
    const task_id at = lost.back();
    lost.pop_back();
    for (auto t = tasks.begin(); t != tasks.end();) {
      const bool takes = std::any_of(t->second.inputs.begin(), t->second.inputs.end(),
                                     [&](const input_ref& i) { return i.id == at && i.worker == 0; });
      if (!takes || t->second.executing) {
        ++t;
        continue;
      }
      retracted_task m{};
      m.id = t->first;
      m.attempt = t->second.attempt;
      m.given_back = 1;
      out.add(m);
      lost.push_back(t->first);
      t = tasks.erase(t);
    }
  }
}

void model_worker::receive(world& w, batch_reader& in) {
  std::uint16_t kind = 0;
  while (in.next(kind)) {
    switch (static_cast<message_kind>(kind)) {
      case message_kind::run_task: {
        const auto m = in.get<run_task>();
        if (mode == worker_mode::retiring) {
          retracted_task back{};
          back.id = m.id;
          back.attempt = m.attempt;
          back.given_back = 1;
          out.add(back);
          break;
        }
        if (values.contains(m.id)) {
          done_task done{};
          done.id = m.id;
          done.attempt = m.attempt;
          done.bytes = 100;
          done.nanoseconds = 1000;
          out.add(done);
          break;
        }
        const auto old = tasks.find(m.id);
        require(old == tasks.end() || old->second.attempt < m.attempt, "a worker was given an attempt twice");
        task t;
        t.attempt = m.attempt;
        t.offset = m.function.offset;
        t.inputs.assign(m.inputs.begin(), m.inputs.end());
        if (m.flags & task_offered) t.offered = m.id;
        bool there = true;
        std::size_t given = 0;
        for (input_ref& i : t.inputs) {
          if (i.worker == 0) {
            there = there && (values.contains(i.id) || tasks.contains(i.id));
          } else {
            if (i.given == promised_input) {
              if (values.contains(i.id)) continue;
              promises.insert(i.id);
              remote.erase(i.id);
              continue;
            }
            promises.erase(i.id);
            if (i.given == 0) {
              if (!values.contains(i.id)) remote[i.id] = i.worker;
              continue;
            }
            require(i.given == sizeof(std::uint64_t), "another value than a task's came along");
            const std::byte* const value = m.values.data() + std::exchange(given, given + i.given);
            if (values.contains(i.id) || copies.contains(i.id)) continue;
            std::memcpy(&values[i.id], value, i.given);
            remote.erase(i.id);
            asked.erase(i.id);
            say_added(i.id, i.bytes);
          }
        }
        if (!there) {
          retracted_task back{};
          back.id = m.id;
          back.attempt = m.attempt;
          back.given_back = 1;
          if (old != tasks.end()) tasks.erase(old);
          out.add(back);
          lose_input(m.id);
          break;
        }
        tasks[m.id] = std::move(t);
        break;
      }
      case message_kind::stop_tasks:
        for (const attempt_ref& a : in.get<stop_tasks>().tasks) {
          const auto t = tasks.find(a.id);
          if (t != tasks.end() && t->second.attempt != a.attempt) continue;
          if (t == tasks.end() && values.contains(a.id)) continue;
          if (t != tasks.end()) tasks.erase(t);
          cancelled_task m{};
          m.tasks = {&a, 1};
          out.add(m);
          lose_input(a.id);
        }
        break;
      case message_kind::retract_tasks:
        for (const attempt_ref& a : in.get<retract_tasks>().tasks) {
          const auto t = tasks.find(a.id);
          retracted_task m{};
          m.id = a.id;
          m.attempt = a.attempt;
          m.given_back =
              !values.contains(a.id) && (t == tasks.end() || t->second.attempt != a.attempt || !t->second.executing);
          const bool mine = t != tasks.end() && t->second.attempt == a.attempt;
          if (m.given_back && mine) tasks.erase(t);
          out.add(m);
          if (m.given_back && mine) lose_input(a.id);
        }
        break;
      case message_kind::drop_values:
        for (const task_id id : in.get<drop_values>().tasks) {
          require(!tasks.contains(id), "a worker is to drop what it has not made yet");
          values.erase(id);
          early.erase(id);
          copies.erase(id);
          lose_input(id);
        }
        break;
      case message_kind::copy_value: {
        const auto m = in.get<copy_value>();
        require(!tasks.contains(m.id), "a copy is wanted of what is being made");
        if (values.contains(m.id)) {
          early.erase(m.id);
          say_added(m.id, m.bytes);
        } else {
          copies[m.id] = m.worker;
        }
        break;
      }
      case message_kind::value_at: {
        const auto m = in.get<value_at>();
        asked.erase(m.id);
        promises.erase(m.id);
        if (early.erase(m.id) != 0) {
          say_added(m.id, m.bytes);
        } else {
          remote[m.id] = m.worker;
        }
        break;
      }
      case message_kind::give_value: {
        const auto m = in.get<give_value>();
        std::uint64_t value = 0;
        require(m.message.size() == sizeof value, "another value than a task's was given");
        std::memcpy(&value, m.message.data(), sizeof value);
        pushed(m.id, value);
        if (early.erase(m.id) != 0) { say_added(m.id, m.bytes); }
        break;
      }
      case message_kind::push_value: {
        const auto m = in.get<push_value>();
        if (tasks.contains(m.id)) pushes[m.id].insert(m.worker);
        break;
      }
      case message_kind::set_mode: {
        mode = static_cast<worker_mode>(in.get<set_mode>().mode);
        std::vector<task_id> idle;
        for (const auto& [id, t] : tasks)
          if (!t.executing) idle.push_back(id);
        for (const task_id id : idle) {
          const auto t = tasks.find(id);
          if (t == tasks.end()) continue;
          retracted_task m{};
          m.id = id;
          m.attempt = t->second.attempt;
          m.given_back = 1;
          out.add(m);
          tasks.erase(t);
          lose_input(id);
        }
        break;
      }
      case message_kind::define_module:
        in.get<define_module>();
        break;
      case message_kind::define_options:
        in.get<define_options>();
        break;
      // What its own tasks have submitted.
      default:
        w.client_hears(w.submitters_.at(self), kind, in);
        break;
    }
  }
}

void model_worker::step(world& w, random_source& random, bool calm) {
  // Fetch one thing.
  const auto fetch = [&](task_id id, peer_id from, bool copy) {
    model_worker* other = w.find_worker(from);
    if (other && other->values.contains(id) && (calm || random.chance(95))) {
      values[id] = other->values[id];
      remote.erase(id);
      asked.erase(id);
      say_added(id, 100);
      return true;
    }
    if (!copy && asked.contains(id)) return false;
    if (!copy) asked.insert(id);
    missing_value m{};
    if (copy && other && other->values.contains(id)) m.flags = not_taken;
    m.id = id;
    m.bytes = 100;
    m.worker = from;
    out.add(m);
    return false;
  };
  std::erase_if(promises, [&](task_id id) { return !takes(id); });
  std::erase_if(pushes, [&](const auto& p) { return !tasks.contains(p.first); });
  std::erase_if(early, [&](task_id id) {
    if (takes(id)) return false;
    values.erase(id);
    return true;
  });
  if (!copies.empty()) {
    const auto [id, from] = *copies.begin();
    copies.erase(copies.begin());
    if (!tasks.contains(id) && !values.contains(id)) fetch(id, from, true);
  }
  std::size_t executing = 0;
  for (const auto& [id, t] : tasks) executing += t.executing;
  for (auto& [id, t] : tasks) {
    if (t.executing) continue;
    for (const input_ref& i : t.inputs)
      if (i.worker != 0 && !values.contains(i.id) && !tasks.contains(i.id) && !promises.contains(i.id) &&
          random.chance(70)) {
        fetch(i.id, remote.contains(i.id) ? remote[i.id] : i.worker, false);
      }
    if (executing < slots && !lacks(w, t) && random.chance(70)) {
      t.executing = true;
      t.value = mix(1, id);
      for (const input_ref& i : t.inputs) t.value = mix(t.value, values.at(i.id));
      ++executing;
    }
  }
  // End one.
  for (auto t = tasks.begin(); t != tasks.end(); ++t) {
    if (!t->second.executing || !random.chance(50)) continue;
    const task_id id = t->first;
    const std::uint32_t attempt = t->second.attempt;
    const bool fails = t->second.offset == always_fails || (t->second.offset == sometimes_fails && random.chance(40));
    if (fails) {
      tasks.erase(t);
      failed_task m{};
      m.id = id;
      m.attempt = attempt;
      const std::string type = "std::runtime_error", what = "as told";
      m.type = type;
      m.text = what;
      out.add(m);
      lose_input(id);
    } else {
      const std::uint64_t value = t->second.value;
      tasks.erase(t);
      values[id] = value;
      remote.erase(id);
      asked.erase(id);
      for (const peer_id to : pushes[id])
        if (model_worker* other = w.find_worker(to); other && random.chance(70)) other->pushed(id, value);
      pushes.erase(id);
      done_task m{};
      m.id = id;
      m.attempt = attempt;
      m.bytes = 8 + id % 100;
      m.nanoseconds = 1000 + random.below(10'000'000);
      if (random.chance(50)) {
        m.flags = has_value;
        m.value = std::as_bytes(std::span(&value, 1));
      }
      out.add(m);
      if (!calm && random.chance(3)) {  // said twice: the second is stale
        out.add(m);
      }
    }
    break;
  }
  if (!calm && !values.empty() && random.chance(2)) {
    // A value is lost here.
    auto v = values.begin();
    std::advance(v, static_cast<std::ptrdiff_t>(random.below(values.size())));
    const task_id id = v->first;
    const bool used = std::any_of(tasks.begin(), tasks.end(), [&](const auto& t) {
      return t.second.executing && std::any_of(t.second.inputs.begin(), t.second.inputs.end(),
                                               [&](const input_ref& i) { return i.id == id; });
    });
    if (!used) {
      values.erase(v);
      early.erase(id);
      value_dropped m{};
      m.tasks = {&id, 1};
      out.add(m);
      lose_input(id);
      for (auto& [other, t] : tasks)
        for (input_ref& i : t.inputs)
          if (i.id == id && i.worker != 0) asked.erase(id);
    }
  }
  if (random.chance(5)) {
    std::vector<attempt_ref> list;
    for (const auto& [id, t] : tasks)
      if (t.executing) list.push_back({id, t.attempt, 0});
    heartbeat m{};
    m.mode = static_cast<std::uint32_t>(
        mode == worker_mode::running && !calm && random.chance(10) ? worker_mode::paused : mode);
    m.executing = list;
    out.add(m);
  }
}

}  // namespace weft::test::scheduling
