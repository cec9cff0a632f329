// Arguments: a call in a graph file, read by the signature of its operation. Used by catalogue.cpp.
//
// A signature is what the documentation shows: operands, then attributes with their defaults.
//   layernorm(x, axes=-1, epsilon=1e-5)
//   concat(x, ..., axis=0)          the operand before `...` is given once or more
//   max(x, y?, axes=[])             the operand y may be missing
//   one_hot(labels, classes=N)      the default is in capitals, so the attribute must be given
// A default is a number, a word, or a list [1,2]. The default [] means that no value is given.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/call.h"

namespace tenon {

struct Signature {
  explicit Signature(std::string_view text);

  std::string_view text;
  std::string_view name;
  std::size_t least = 0, most = 0;                                        // operands
  std::vector<std::pair<std::string_view, std::string_view>> attributes;  // name, default
};

class Arguments {
 public:
  // Checks the number of operands and the names of attributes. Errors show the signature.
  Arguments(const Signature& signature, const Call& call);

  std::string_view name() const { return signature_.name; }
  const std::vector<Tensor>& operands() const { return call_.operands; }
  const Tensor& operator[](std::size_t i) const { return call_.operands[i]; }

  // The attribute as given, or its default. Error: it is of another kind.
  double number(std::string_view attribute) const;
  std::int64_t integer(std::string_view attribute) const;
  int axis(std::string_view attribute) const { return static_cast<int>(integer(attribute)); }
  // A number is a list of one.
  std::vector<double> numbers(std::string_view attribute, std::string_view kind = "number") const;
  std::vector<std::int64_t> integers(std::string_view attribute) const;
  std::string word(std::string_view attribute) const;
  bool flag(std::string_view attribute) const;  // true or false

 private:
  Attribute value(std::string_view attribute) const;
  std::int64_t whole(std::string_view attribute, double number, std::string_view wanted) const;
  [[noreturn]] void refuse(std::string_view attribute, std::string_view wanted) const;

  const Signature& signature_;
  const Call& call_;
};

}  // namespace tenon
