import Foundation
import Testing

/// What others may call is explained, and what the documentation links to exists.
@Suite struct DocumentationTests {
  @Test func `everything public or package has a doc comment`() {
    for file in SourceTree.swift(under: "Sources") {
      for number in Self.undocumented(in: file.lines) {
        let line = file.lines[number - 1].trimmingCharacters(in: .whitespaces)
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
    #expect(Self.undocumented(in: text.split(separator: "\n")) == [6, 12])
  }

  @Test func `links in the documentation resolve`() {
    for file in SourceTree.files where file.path.hasSuffix(".md") {
      let directory = SourceTree.root.appending(path: file.path).deletingLastPathComponent()
      for (index, line) in file.lines.enumerated() {
        for match in line.matches(of: /\]\(([^)#\s]+)(#[^)\s]*)?\)/) {
          let target = String(match.1)
          if target.contains("://") || target.hasPrefix("mailto:") { continue }
          let exists = FileManager.default.fileExists(atPath: directory.appending(path: target).path)
          #expect(exists, "\(file.path):\(index + 1): nothing is at \(target)")
        }
      }
    }
  }

  /// The numbers of the lines that declare something `public` or `package` without a doc comment. What only fulfils a
  /// protocol of the standard library by its name, an `init()` and an override say nothing that the type does not.
  static func undocumented(in lines: [Substring]) -> [Int] {
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
    for (index, line) in lines.enumerated() where line.contains(declaration) && !line.contains(plain) {
      let attributes = lines[..<index].reversed().prefix { $0.contains(/^\s*(@\w+(\(.*\))?\s*)+$/) }.count
      let above = index - attributes - 1
      if above < 0 || !lines[above].trimmingPrefix(/\s+/).hasPrefix("///") { found.append(index + 1) }
    }
    return found
  }
}
