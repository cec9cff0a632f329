#include "sessions.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <optional>
#include <regex>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "check.h"
#include "codegen/cpu_backend.h"
#include "core/error.h"
#include "core/ranges.h"
#include "error_bounds.h"
#include "ops/catalogue.h"
#include "ops/gradient.h"
#include "oracle/interpret.h"
#include "oracle/interpret_executor.h"
#include "text/parse_graph.h"
#include "tuner/session/session.h"

namespace tenon::fuzz {
namespace {

constexpr std::int64_t most_judged = 100'000;  // elements of all nodes; more takes seconds

std::vector<std::string> names_in(const std::string& text) {
  static const std::regex name("\\bv[0-9]+\\b");
  std::vector<std::string> names;
  for (std::sregex_iterator at(text.begin(), text.end(), name), end; at != end; ++at)
    names.push_back(at->str());
  return names;
}

Bytes bytes_in(const BufferRef& buffer) {
  const auto* data = static_cast<const std::byte*>(buffer->host);
  return {data, data + buffer->bytes};
}

// Replaces some elements by values that often cause faults.
void unusual(Bytes& bytes, Type type, std::uint64_t seed) {
  Random random(seed);
  for (std::size_t at = 0; at < bytes.size(); at += 4) {
    const float number = random.of<float>({INFINITY, -INFINITY, NAN, -0.0F, 1e-40F, 3e38F});
    const std::int32_t integer = random.of<std::int32_t>({INT32_MIN, INT32_MAX, -1, 1 << 24});
    if (random.chance(20))
      std::memcpy(&bytes[at], type == Type::f32 ? static_cast<const void*>(&number) : &integer, 4);
  }
}

// One session's way through a program.
class Run {
 public:
  Run(const SessionOptions& options, SessionCounts& counts) : session_(options), counts_(counts) {}

  // Runs the program and compares it with the interpreter. Fills `seen` with the values that each
  // statement computed; nullopt: it computed none, or was refused.
  std::string judge(const std::vector<Statement>& program,
                    std::vector<std::optional<std::vector<Bytes>>>& seen) {
    for (const Statement& statement : program) {
      seen.emplace_back();
      if (!can_be(statement, judged_)) {
        ++counts_.skipped;
        continue;
      }
      if (auto wrong = step(statement, seen.back()); !wrong.empty()) return wrong;
      if (!seen.back() && statement.verb != "drop" && !reads_stale(statement))
        return fmt::format("{}: refused, and nothing of it was overwritten", statement.text);
      for (std::size_t i = 0; seen.back() && i < seen.back()->size(); ++i) {
        const std::string& name = statement.known()[i];
        const bool is_assigned = statement.verb == "assign";
        const Tensor expected = judged_.tensors.at(is_assigned ? statement.operands[0] : name);
        if (auto wrong = compare(expected, (*seen.back())[i]); !wrong.empty())
          return fmt::format("{}: {}: {}", statement.text, name, wrong);
        if (statement.verb != "launch") take_over(name, (*seen.back())[i], is_assigned);
      }
    }
    counts_.kernels += session_.statistics().compiled;
    return "";
  }

  // Runs the program again. Returns where its bits differ from those in `seen`, or nothing.
  std::string repeat(const std::vector<Statement>& program,
                     const std::vector<std::optional<std::vector<Bytes>>>& seen) {
    for (std::size_t s = 0; s < program.size(); ++s) {
      std::optional<std::vector<Bytes>> now;
      if (program[s].is_expression()) {
        if (!seen[s]) continue;
      } else if (!can_be(program[s], world_)) {
        continue;
      }
      if (auto wrong = step(program[s], now); !wrong.empty()) return wrong;
      if (now.has_value() != seen[s].has_value())
        return program[s].text + ": refused in one session alone";
      for (std::size_t i = 0; now && i < now->size(); ++i) {
        const Type type = world_.tensors.at(program[s].known()[i]).type();
        if (auto differs = difference((*now)[i], (*seen[s])[i], type); !differs.empty())
          return fmt::format("{}: {}, as in the first session", program[s].text, differs);
      }
    }
    return "";
  }
  const Statistics& statistics() const { return session_.statistics(); }

 private:
  // Can the statement run? If it is an expression, also builds it in the world.
  bool can_be(const Statement& statement, World& world) {
    if (!world.knows(statement.operands)) return false;
    try {
      if (statement.is_expression()) world.build(statement);
    } catch (const InternalError&) {
      throw;
    } catch (const Error&) {
      return false;
    }
    if (statement.verb != "assign") return true;
    if (!world_.knows(statement.results)) return false;
    const Tensor &to = world_.tensors.at(statement.results[0]),
                 &from = world_.tensors.at(statement.operands[0]);
    return to.node()->as<BufferLeaf>() && to.type() == from.type() && to.shape() == from.shape();
  }

  // Does the statement read memory that was overwritten, also by the interpreter's account?
  bool reads_stale(const Statement& statement) {
    std::vector<std::string> names = statement.operands;
    if (statement.verb == "assign") names.push_back(statement.results[0]);
    for (const std::string& name : names)
      for (const NodeRef& node :
           in_order({&judged_.tensors.at(name).node(), 1}, &interpreter_.nodes()).nodes)
        if (const auto* leaf = node->as<BufferLeaf>();
            leaf && leaf->version != leaf->buffer->version)
          return true;
    return false;
  }

  // Runs the statement. `seen` stays empty if the session refuses it for memory that was
  // overwritten. Returns what else went wrong, or nothing.
  std::string step(const Statement& statement, std::optional<std::vector<Bytes>>& seen) {
    if (statement.verb == "drop") {
      for (const std::string& name : statement.operands) {
        world_.tensors.erase(name);
        judged_.tensors.erase(name);
      }
      return "";
    }
    std::vector<Tensor> looked_at;
    try {
      if (statement.is_expression()) {
        world_.build(statement);
        seen.emplace();
        return "";
      }
      for (const std::string& name : statement.operands)
        looked_at.push_back(world_.tensors.at(name));
      for (const Tensor& tensor : looked_at)  // realize() leaves leaves as they are
        if (tensor.node()->as<BufferLeaf>()) current_buffer(*tensor.node());
      if (statement.verb == "launch") {
        const Bound bound = session_.bind(looked_at);
        for (int times = 0; times < 2; ++times) bound.launch();
        seen.emplace(mapped(bound.results, bytes_in));
        return "";
      }
      if (statement.verb == "assign") {
        Tensor& target = world_.tensors.at(statement.results[0]);
        looked_at.push_back(target);
        target.assign(looked_at[0]);
      } else {
        realize(looked_at);
      }
      seen.emplace();
      for (const std::string& name : statement.known())
        seen->push_back(bytes_in(current_buffer(*world_.tensors.at(name).node())));
    } catch (const InternalError& broken) {
      return fmt::format("{}: {}", statement.text, broken.what());
    } catch (const Error& refusal) {
      if (!std::strstr(refusal.what(), "was overwritten in place"))
        return fmt::format("{}: {}", statement.text, refusal.what());
      ++counts_.refused;
      seen.reset();
    }
    return "";
  }

  std::string compare(const Tensor& expected, const Bytes& bytes) {
    std::vector<NodeRef> nodes{expected.node()};
    NodeTable& table = interpreter_.nodes();
    std::int64_t work = 0;
    for (const NodeRef& node : in_order(nodes, &table).nodes) work += elements(node->shape);
    if (work > most_judged) return "";
    nodes.push_back(error_bounds({expected})[0].node());
    const auto values = interpret(nodes, interpreter_.device(), &table);
    return beyond(bytes, expected.type(), values[0], values[1], counts_.values, counts_.unbounded);
  }

  // Gives the interpreter the session's bits, from which it goes on. A tensor that was overwritten
  // can no longer be used in the interpreter either, but keeps its values.
  void take_over(const std::string& name, const Bytes& bytes, bool is_assigned) {
    Tensor& tensor = judged_.tensors.at(name);
    const NodeRef node = tensor.node(), known = interpreter_.nodes().current(node);
    if (!is_assigned) {
      const Tensor value = from_bytes(interpreter_, node->type, node->shape, bytes.data());
      if (!known->as<BufferLeaf>()) interpreter_.nodes().set_realized(node, value.node());
      tensor.realize();  // finds the value that is known
      return;
    }
    if (const auto* leaf = known->as<BufferLeaf>()) ++leaf->buffer->version;
    tensor = from_bytes(interpreter_, node->type, node->shape, bytes.data());
  }

  Session session_;
  InterpretExecutor interpreter_;
  World world_{session_}, judged_{interpreter_};
  SessionCounts& counts_;
};

}  // namespace

std::vector<Statement> parse_statements(const std::string& program) {
  std::vector<Statement> result;
  for (std::size_t at = 0; at < program.size();) {
    const std::size_t end = std::min(program.find("; ", at), program.size());
    Statement statement{.text = program.substr(at, end - at)};
    at = end + 2;
    const std::size_t equals = statement.text.find(" = ");
    statement.verb = statement.text.substr(0, statement.text.find(' '));
    const bool is_expression = !names_in(statement.verb).empty();
    if (is_expression) statement.verb = "=";
    if (equals == std::string::npos) {
      statement.operands = names_in(statement.text);
    } else {
      statement.results = names_in(statement.text.substr(0, equals));
      statement.operands = names_in(statement.text.substr(equals));
    }
    result.push_back(std::move(statement));
  }
  return result;
}

std::string print(const std::vector<Statement>& program) {
  std::vector<std::string> texts;
  for (const Statement& statement : program) texts.push_back(statement.text);
  return fmt::format("{}", fmt::join(texts, "; "));
}

bool World::knows(const std::vector<std::string>& names) const {
  return std::ranges::all_of(names, [&](const auto& name) { return tensors.contains(name); });
}

void World::build(const Statement& statement) {
  if (statement.verb == "gradients") {
    std::vector<Tensor> of;
    for (std::size_t i = 1; i < statement.operands.size(); ++i)
      of.push_back(tensors.at(statement.operands[i]));
    const auto made = gradients(tensors.at(statement.operands[0]), of);
    for (std::size_t i = 0; i < made.size(); ++i)
      tensors[statement.results.at(i)] = {executor, made[i].node()};
    return;
  }
  std::string text;
  const std::string& name = statement.results[0];
  for (const std::string& operand : std::set(statement.operands.begin(), statement.operands.end()))
    text += operand + " = input f32[]\n";  // the tensor of this name takes its place
  text += fmt::format("{}\noutput {}\n", statement.text, name);
  const auto leaf = [&](const InputLine& line) {
    if (line.name != name) return tensors.at(line.name);
    const std::uint64_t seed = std::stoul(name.substr(1));
    Bytes bytes = input_values(line, seed);
    if (seed % 8 == 7 && line.type != Type::boolean) unusual(bytes, line.type, seed);
    return from_bytes(executor, line.type, line.shape, bytes.data());
  };
  const Tensor made = parse_graph(text, "session", executor, leaf, compose).outputs[0];
  tensors[name] = {executor, made.node()};  // a handle of its own, not a copy of an operand's
}

std::string check_session(const std::string& program, const std::string& cache,
                          SessionCounts& counts) {
  const std::size_t bar = program.find(" | ");
  char isa[16] = {};
  SessionOptions options;
  options.cache = cache;
  options.keeps = 0;  // weights of all sizes
  if (bar == std::string::npos ||
      std::sscanf(program.c_str(), "session %d %15s", &options.threads, isa) != 2)
    fail("expected: session THREADS ISA | STATEMENT; ..");
  for (const Isa candidate : {Isa::avx512, Isa::avx2, Isa::fma128})
    if (name(candidate) == isa) options.isa = name(std::max(candidate, widest_isa()));
  const auto statements = parse_statements(program.substr(bar + 3));
  std::vector<std::optional<std::vector<Bytes>>> seen;
  Run first(options, counts);  // stays alive while the others run
  if (auto wrong = first.judge(statements, seen); !wrong.empty()) return wrong;
  SessionCounts again;
  Run cached(options, again);
  if (auto wrong = cached.repeat(statements, seen); !wrong.empty()) return "cached: " + wrong;
  if (const auto compiled = cached.statistics().compiled)
    return fmt::format("{} kernels are compiled in spite of the cache", compiled);
  options.threads = 3 - options.threads;
  options.isa = options.isa == "fma128" ? "" : "fma128";
  options.keeps = {};
  if (auto wrong = Run(options, again).repeat(statements, seen); !wrong.empty())
    return fmt::format("{} threads, {}: {}", options.threads, options.isa, wrong);
  return "";
}

}  // namespace tenon::fuzz
