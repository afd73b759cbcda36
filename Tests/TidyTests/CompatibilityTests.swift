import Foundation
import Testing

/// What docs/compatibility.md says can be looked up: tests exist, codes are those of the code.
@Suite struct CompatibilityTests {
  private static let page = SourceTree.files.first { $0.path == "docs/compatibility.md" }?.lines ?? []

  /// The cells of the tables below a heading.
  private static func rows(below heading: String) -> [[String]] {
    var found: [[String]] = []
    var isInside = false
    for line in page {
      if line.hasPrefix("## ") { isInside = line == "## \(heading)" }
      guard isInside, line.hasPrefix("| "), !line.hasPrefix("|---") else { continue }
      found.append(
        line.dropFirst(2).dropLast(2).split(separator: " | ", omittingEmptySubsequences: false).map(String.init))
    }
    return found
  }

  /// The test suites of all targets.
  private static let suites: Set<String> = {
    var names: Set<String> = []
    for file in SourceTree.swift(under: "Tests") {
      for (_, line) in file.lines(with: ["struct", "class"]) {
        if let match = line.firstMatch(of: /^(?:final )?(?:@Suite.* )?(?:struct|class) (\w+Tests)\b/) {
          names.insert(String(match.1))
        }
      }
    }
    return names
  }()

  @Test func `every test that the page names exists`() {
    #expect(Self.suites.contains("CompatibilityTests"))
    for (index, line) in Self.page.enumerated() {
      for match in line.matches(of: /`(\w+Tests)`/) where !Self.suites.contains(String(match.1)) {
        Issue.record("docs/compatibility.md:\(index + 1): there is no \(match.1)")
      }
    }
  }

  @Test func `every scenario that the page names exists`() {
    let scenarios = Set(
      (SourceTree.files.first { $0.path == "Interop/scenarios.py" }?.lines ?? []).compactMap { line in
        line.firstMatch(of: /^def (\w+)\(/).map { String($0.1) }
      })
    #expect(scenarios.contains("sync_send"))
    for (index, line) in Self.page.enumerated() {
      for match in line.matches(of: /`Interop\/run\.py` \(([a-z_, ]+)\)/) {
        for name in match.1.split(separator: ", ") where !scenarios.contains(String(name)) {
          Issue.record("docs/compatibility.md:\(index + 1): there is no scenario \(name)")
        }
      }
    }
  }

  @Test func `the page has a row for every code, by its name, and no others`() {
    var declared: Set<String> = []
    for line in SourceTree.files.first(where: { $0.path == "Sources/ApusProtocol/RequestCode.swift" })?.lines ?? [] {
      if let match = line.firstMatch(of: /^\s+\/\/\/ (\d+) ([A-Z0-9_]+)\b/) { declared.insert("\(match.1) \(match.2)") }
    }
    let rows = Self.rows(below: "Request codes").dropFirst().filter { $0.count >= 2 }
    let named = Set(rows.map { "\($0[0]) \($0[1])" })
    #expect(declared.count >= 95)
    #expect(declared.subtracting(named).sorted() == [])
    #expect(named.subtracting(declared).sorted() == [])
  }

  /// Suites that show how requests and answers are encoded, not that they are answered.
  private static let codecSuites = [
    "TypedRequestTests", "TypedResponseTests", "GoldenFrameTests", "BodyTests", "DialectTests", "SendAnswerTests",
  ]

  @Test func `a code that works names a test of what it does, one that does not says so`() {
    for row in Self.rows(below: "Request codes").dropFirst() {
      guard row.count == 5 else {
        Issue.record("no five columns: \(row)")
        continue
      }
      let (state, tests) = (row[3], row[4])
      if state.hasPrefix("works") || state == "answered 3, as by Java" {
        let suites = tests.split(separator: "`").map(String.init).filter { $0.hasSuffix("Tests") }
        #expect(suites.contains { !Self.codecSuites.contains($0) }, "\(row[0]) \(row[1])")
      } else {
        #expect(state.contains("absent"), "\(row[0]) \(row[1])")
      }
    }
  }

  @Test func `every claim names its test, or says that it is absent`() {
    let rows = Self.rows(below: "Claims about RocketMQ, and what shows them").dropFirst()
    #expect(rows.count > 40)
    for row in rows {
      #expect(row.count == 3, "\(row)")
      #expect(row.last?.contains("Tests`") == true || row.last?.contains("Interop/") == true || row.last == "absent")
    }
    var seen: Set<Int> = []
    for number in rows.flatMap({ $0[0].split(separator: ", ") }) {
      for claim in number.split(separator: "–").compactMap({ Int($0) }) where !seen.insert(claim).inserted {
        Issue.record("claim \(claim) has two rows")
      }
    }
  }
}
