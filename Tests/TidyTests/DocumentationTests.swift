import Foundation
import Testing

/// What others may call is explained.
@Suite struct DocumentationTests {
  @Test func `everything public or package has a doc comment`() {
    let files = SourceTree.swift(under: "Sources")
    let explained = Set(files.flatMap { Self.requirements(in: $0) })
    for file in files {
      for number in Self.undocumented(in: file) {
        let line = file.lines[number - 1].trimmingCharacters(in: .whitespaces)
        // What fulfils a protocol of ours is explained there.
        if let name = Self.declaredName(file.lines[number - 1]), explained.contains(name) { continue }
        Issue.record("\(file.path):\(number): no doc comment: \(line)")
      }
    }
  }

  @Test func `the scan finds a missing comment and accepts a present one`() {
    let text = """
      /// Documented.
      @frozen
      public struct A {
        /// Documented.
        @inlinable public var b: Int { 0 }
        package func missing() {}
        package init() {}
        package static func == (a: A, b: A) -> Bool { true }
        package import ApusBase
        func notOurs() {}
      }
      package let alsoMissing = 1
      """
    #expect(Self.undocumented(in: SourceTree.File(path: "A.swift", text: text)) == [6, 12])
  }

  @Test func `requirements of protocols explain what fulfils them`() {
    let text = """
      package protocol Disk: AnyObject {
        /// Documented.
        func open(_ path: String, create: Bool) throws -> File
        func silent()
        /// Documented.
        var name: String { get }
      }
      struct Other {
        /// Documented.
        func other() {}
      }
      """
    #expect(Self.requirements(in: SourceTree.File(path: "A.swift", text: text)) == ["func open(", "var name"])
    #expect(Self.declaredName("  package func open(") == "func open(")
  }

  /// The documented requirements of the protocols in a file.
  static func requirements(in file: SourceTree.File) -> [String] {
    let opening = Set(file.lines(with: ["protocol "]).filter { $0.text.contains(/^(\w+\s)?protocol\s/) }.map(\.number))
    if opening.isEmpty { return [] }
    let lines = file.lines
    var found: [String] = []
    var isInside = false
    for (index, line) in lines.enumerated() {
      if opening.contains(index + 1) { isInside = true }
      if line == "}" { isInside = false }
      guard isInside, index > 0, let name = declaredName(line) else { continue }
      if lines[index - 1].trimmingPrefix(/\s+/).hasPrefix("///") { found.append(name) }
    }
    return found
  }

  /// The function or property that a line declares, without its access, or nil.
  static func declaredName(_ line: Substring) -> String? {
    line.firstMatch(of: /\b(func\s\w+\(|var\s\w+)/).map { String($0.1) }
  }

  /// The numbers of the lines that declare something `public` or `package` without a doc comment. What only fulfils a
  /// protocol of the standard library by its name, an `init()` and an override say nothing that the type does not.
  static func undocumented(in file: SourceTree.File) -> [Int] {
    let lines = file.lines
    let declaration =
      #/
      ^\s*(@\w+(\([^)]*\))?\s+)*(public|package)\s+(\w+(\(\w+\))?\s+)*
      (struct|class|enum|protocol|actor|func|var|let|init|subscript|typealias|case)\b
      /#
    let plain =
      #/
      \b(init\(\)|func\s(==|<)|func\shash\(into|var\s(description|debugDescription|rawValue)\b|override\b)
      /#
    var found: [Int] = []
    for (number, line) in file.lines(with: ["public", "package"])
    where line.contains(declaration) && !line.contains(plain) {
      let index = number - 1
      let attributes = lines[..<index].reversed().prefix { $0.contains(/^\s*(@\w+(\(.*\))?\s*)+$/) }.count
      let above = index - attributes - 1
      if above < 0 || !lines[above].trimmingPrefix(/\s+/).hasPrefix("///") { found.append(number) }
    }
    return found
  }
}
