import Testing

/// The shape of the source: sizes, forbidden constructs, notes left behind.
@Suite struct SourceTests {
  @Test func `files stay small`() {
    for (directory, limit) in [("Sources", 500), ("Tests", 800)] {
      for file in SourceTree.swift(under: directory) {
        #expect(
          file.lines.count <= limit, "\(file.path) has \(file.lines.count) lines; split it by noun (limit \(limit))")
      }
    }
  }

  @Test func `functions stay small`() {
    for file in SourceTree.swift(under: "Sources") {
      for function in Self.functions(in: file) where function.lines > 70 {
        Issue.record("\(file.path):\(function.start): a function of \(function.lines) lines (limit 70)")
      }
    }
  }

  @Test func `the function scan sees a body's length`() {
    let lines = ["struct A {", "  func f(", "    a: Int", "  ) {", "    if a {", "    }", "  }", "  init() { }", "}"]
    let file = SourceTree.File(path: "A.swift", text: lines.joined(separator: "\n"))
    #expect(Self.functions(in: file).map(\.lines) == [6])
  }

  @Test func `the search by words finds each line once, the first and the last too`() {
    let file = SourceTree.File(path: "A.swift", text: "let é = try! a // as!\n\nnothing\ntry! as! b\nlast as! c // d\n")
    #expect(file.lines(with: ["as!", "try!"]).map(\.number) == [1, 4, 5])
    #expect(file.code(with: ["as!"]).map(\.text) == ["let é = try! a ", "try! as! b", "last as! c "])
    #expect(file.lines(with: ["absent"]).isEmpty)
  }

  @Test func `lines fit 120 columns`() {
    for file in SourceTree.files where [".swift", ".py", ".sh", ".c", ".h"].contains(where: file.path.hasSuffix) {
      for (index, line) in file.lines.enumerated() where line.count > 120 {
        // A path cannot be wrapped.
        if line.contains("rocketmq-all-") || line.contains("://") { continue }
        Issue.record("\(file.path):\(index + 1): \(line.count) columns (limit 120)")
      }
    }
  }

  @Test func `sources have no construct that hides an error`() {
    for file in SourceTree.swift(under: "Sources") {
      for (number, text) in file.code(with: ["try!", "try?", "as!", "fatalError(", "catch"]) {
        if let construct = Self.forbidden(in: text) {
          Issue.record("\(file.path):\(number): '\(construct)' hides or turns an error into a crash")
        }
      }
    }
  }

  @Test(arguments: ["try! f()", "let x = try? f()", "x as! Int", "fatalError()", "do { } catch {}", "do { } catch { }"])
  func `each forbidden construct is found`(line: String) {
    #expect(Self.forbidden(in: line[...]) != nil)
  }

  @Test func `ordinary code is not taken for a forbidden construct`() {
    for line in ["try f()", "let entry: QueueEntry?", "x as? Int", "} catch {", "preconditionFailure(\"no\")"] {
      #expect(Self.forbidden(in: line[...]) == nil, "\(line)")
    }
  }

  @Test func `nothing is left to do later`() {
    let words = ["TO" + "DO", "FIX" + "ME", "XX" + "X:"]
    for file in SourceTree.files {
      for (number, line) in file.lines(with: words) {
        Issue.record("\(file.path):\(number): do it, or open an issue: \(line)")
      }
    }
  }

  @Test func `nothing depends on the machine it was written on`() {
    let homes = ["home", "root", "Users", "work"].map { "/" + $0 + "/" }
    // Tests may use such paths as values.
    for file in SourceTree.files where !file.path.hasPrefix("Tests/") {
      for (number, line) in file.lines(with: homes) {
        for home in homes {
          guard let range = line.firstRange(of: home) else { continue }
          // A path inside something longer (a URL, a package path) is nobody's home.
          let before = line[..<range.lowerBound].last
          guard before == nil || !(before!.isLetter || before!.isNumber || "._-/~}*".contains(before!)) else {
            continue
          }
          Issue.record("\(file.path):\(number): a path of one machine: \(home)")
        }
      }
    }
  }

  /// The construct in a line of code that may not be there, or nil.
  static func forbidden(in text: Substring) -> String? {
    if let construct = text.firstMatch(of: /\b(?:try!|try\?|as!|fatalError\()/) { return String(construct.0) }
    return text.contains(/catch\s*\{\s*\}/) ? "catch {}" : nil
  }

  /// The functions that span several lines, found by the indentation that the formatter guarantees.
  static func functions(in file: SourceTree.File) -> [(start: Int, lines: Int)] {
    let lines = file.lines
    var found: [(start: Int, lines: Int)] = []
    let declaration =
      #/
      ^\s*(@\w+(\([^)]*\))?\s+)*
      ((public|package|private|fileprivate|internal|static|final|override|mutating|consuming|borrowing|nonisolated)\s+)*
      (func|init|subscript|deinit)\b
      /#
    for (number, line) in file.lines(with: ["func", "init", "subscript"]) where line.contains(declaration) {
      let index = number - 1
      let indent = line.prefix { $0 == " " }
      if line.hasSuffix("}") { continue }
      guard let end = lines[(index + 1)...].firstIndex(where: { $0 == indent + "}" }) else { continue }
      // A requirement of a protocol has no body; what closes at its indentation belongs to somebody else.
      let header = lines[index...end].prefix { !$0.hasSuffix("{") }
      if header.dropFirst().contains(where: { $0.isEmpty || $0.contains(declaration) }) { continue }
      found.append((number, end - index + 1))
    }
    return found
  }
}
