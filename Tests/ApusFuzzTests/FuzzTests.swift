import ApusFuzz
import Foundation
import Testing

/// The rules that fuzzing holds readers to, on the inputs that are kept: those that begin a run, and those that once
/// broke something.
@Suite struct FuzzTests {
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Fixtures/fuzz")

  private static func corpus(_ target: FuzzTarget) throws -> [(name: String, bytes: [UInt8])] {
    let directory = root.appendingPathComponent(target.name)
    return try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted().map { name in
      (name, Array(try Data(contentsOf: directory.appendingPathComponent(name))))
    }
  }

  @Test(arguments: FuzzTarget.all.map(\.name))
  func `every kept input keeps the rules of its target`(name: String) throws {
    let target = try #require(FuzzTarget.named(name))
    let corpus = try Self.corpus(target)
    #expect(!corpus.isEmpty)
    for (file, bytes) in corpus {
      #expect(bytes.count <= target.byteLimit, "\(name)/\(file)")
      #expect(throws: Never.self, "\(name)/\(file)") { try target.check(bytes) }
    }
  }

  @Test func `every directory of inputs belongs to a target`() throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: Self.root.path)
    #expect(Set(names) == Set(FuzzTarget.all.map(\.name)))
  }

  @Test func `the same seed makes the same inputs, another one others`() throws {
    func inputs(_ seed: UInt64) -> [[UInt8]] {
      var mutator = FuzzMutator(seed: seed, corpus: [[1, 2, 3], Array("words 12".utf8)], words: [[9]], byteLimit: 40)
      return (0..<50).map { _ in mutator.next() }
    }
    #expect(inputs(7) == inputs(7))
    #expect(inputs(7) != inputs(8))
    #expect(inputs(7).allSatisfy { $0.count <= 40 })
  }

  @Test func `a run stops at the first input that breaks a rule, and keeps it`() async {
    await #expect(processExitsWith: .failure) {
      let target = try #require(FuzzTarget.named("canary"))
      _ = FuzzRun(target, corpus: [[2, 1, 1, 0]], seed: 1).run(1000)
    }
  }
}
