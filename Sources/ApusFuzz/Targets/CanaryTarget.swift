extension FuzzTarget {
  /// A reader with a mistake on purpose: a fuzzer that does not find it looks at nothing.
  static let canary = FuzzTarget("canary", byteLimit: 256, isCanary: true) { (input) throws(FuzzFinding) in
    var position = 0
    while position < input.count {
      let length = Int(input[position])
      // Nothing holds the length against what is left.
      let field = input[(position + 1)...][(position + 1)..<(position + 1 + length)]
      position += 1 + field.count
    }
  }
}
