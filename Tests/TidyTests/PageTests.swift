import Foundation
import Testing

/// What the pages of documentation say of the repository is so: places, programs, names, figures' names.
@Suite struct PageTests {
  @Test func `links in the documentation resolve, to headings too`() {
    for page in MarkdownPage.all {
      let directory = URL(filePath: "/" + page.path).deletingLastPathComponent()
      for link in page.links {
        let target =
          link.path.isEmpty ? page.path : String(directory.appending(path: link.path).standardized.path.dropFirst())
        let exists = FileManager.default.fileExists(atPath: SourceTree.root.appending(path: target).path)
        #expect(exists, "\(page.path):\(link.line): nothing is at \(link.path)")
        guard exists, let anchor = link.anchor, let reached = MarkdownPage.at(target) else { continue }
        #expect(reached.anchors.contains(anchor), "\(page.path):\(link.line): \(target) has no heading #\(anchor)")
      }
    }
  }

  @Test func `a page's headings, links and blocks are found`() {
    let text = """
      # Codes & `names`, 4.9.8
      See [this](b.md#codes--names-498), [here](#again-1) and [there](https://example.org/#x).
      ```sh
      # no heading
      ```
      ## Again
      ## Again
      `a \\| b`
      """
    let page = MarkdownPage("docs/a.md", SourceTree.File(path: "", text: text).lines)
    #expect(page.anchors == ["codes--names-498", "again", "again-1"])
    #expect(page.links.map(\.path) == ["b.md", ""])
    #expect(page.links.map(\.anchor) == ["codes--names-498", "again-1"])
    #expect(page.blocks == [MarkdownPage.Block(language: "sh", lines: ["# no heading"])])
    #expect(page.spans.map(\.text) == ["names", "a | b"])
  }

  @Test func `README.zh-CN.md keeps step with README.md`() throws {
    let english = try #require(MarkdownPage.at("README.md"))
    let chinese = try #require(MarkdownPage.at("README.zh-CN.md"))
    #expect(english.headings.count > 5)
    func levels(_ page: MarkdownPage) -> [String] { page.headings.map { String($0.prefix { $0 == "#" }) } }
    #expect(levels(chinese) == levels(english), "the same sections, in the same order")
    #expect(chinese.blocks == english.blocks, "the same blocks of code")
    #expect(
      Set(chinese.links.map(\.path)).subtracting(["README.md"])
        == Set(english.links.map(\.path)).subtracting(["README.zh-CN.md"]), "the same links")
  }

  @Test func `Swift code in the documentation is code of Examples, which is compiled`() {
    let programs = SourceTree.swift(under: "Examples").map { file in
      file.lines.map { $0.trimmingCharacters(in: .whitespaces) }
    }
    #expect(programs.count >= 5)
    for page in MarkdownPage.all {
      for block in page.blocks where block.language == "swift" {
        let lines = block.lines.map { $0.trimmingCharacters(in: .whitespaces) }
        #expect(programs.contains { $0.contains(lines) }, "\(page.path): not in Examples: \(block.lines.first ?? "")")
      }
    }
  }

  @Test func `metrics that pages name are on the metrics page`() {
    let served = SourceTree.swift(under: "Sources/ApusBroker").filter { $0.path.contains("Metrics") }
    let names = Set(
      served.flatMap { $0.lines(with: ["\""]) }.flatMap { line in
        line.text.matches(of: /"((?:apus|rocketmq|process)_[a-z_]+)"/).map { String($0.1) }
      })
    #expect(names.count > 30)
    for page in MarkdownPage.all where page.path.hasPrefix("docs/") && !page.path.contains("/adr/") {
      for span in page.spans {
        for match in span.text.matches(of: /\b(?:apus|rocketmq|process)_[a-z_]+\b/) {
          #expect(names.contains(String(match.0)), "\(page.path):\(span.line): there is no metric \(match.0)")
        }
      }
    }
  }

  @Test func `source files that the architecture names exist`() throws {
    let page = try #require(MarkdownPage.at("docs/architecture.md"))
    let paths = SourceTree.swift(under: "Sources").map(\.path)
    let named = page.spans.filter { $0.text.hasSuffix(".swift") }
    #expect(named.count > 30)
    for span in named {
      let exists = paths.contains { $0.hasSuffix("/" + span.text) }
      #expect(exists, "docs/architecture.md:\(span.line): there is no \(span.text)")
    }
  }

  @Test func `packages that the program needs are named where it is installed`() throws {
    let manifest = try #require(SourceTree.files.first { $0.path == "Package.swift" })
    let libraries = manifest.lines.compactMap { line in
      line.firstMatch(of: /\.apt\(\["(\w+)-dev"\]\)/).map { String($0.1) }
    }
    #expect(libraries.count >= 6)
    for path in ["README.md", "README.zh-CN.md", "docs/operations.md"] {
      let named = try #require(MarkdownPage.at(path)).spans.map(\.text)
      for library in libraries {
        #expect(named.contains { $0.hasPrefix(library) }, "\(path) does not name a package of \(library)")
      }
    }
  }

  @Test func `settings that guides name exist`() throws {
    let compatibility = try #require(SourceTree.files.first { $0.path == "docs/compatibility.md" })
    let sources =
      SourceTree.swift(under: "Sources/ApusBroker/Settings") + SourceTree.swift(under: "Sources/ApusClient")
      + SourceTree.swift(under: "Sources/ApusNameServer")
    var known: Set<Substring> = []
    for line in ([compatibility] + sources).flatMap(\.lines) {
      known.formUnion(line.matches(of: /[A-Za-z]\w+/).map(\.0))
    }
    for path in ["docs/operations.md", "docs/faq.md", "docs/moving-from-rocketmq.md"] {
      for span in try #require(MarkdownPage.at(path)).spans where span.text.contains(/^[a-z]+[A-Z]\w*$/) {
        #expect(known.contains(span.text[...]), "\(path):\(span.line): nothing is called \(span.text)")
      }
    }
  }
}
