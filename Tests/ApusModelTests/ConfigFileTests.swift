import ApusBase
import Foundation
import Testing

@testable import ApusModel

/// Files of a Java broker's `config` directory.
enum ConfigFixtures {
  static func text(_ name: String, file: StaticString = #filePath) throws -> String {
    let root = URL(fileURLWithPath: "\(file)").deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    return try String(contentsOf: root.appendingPathComponent("Fixtures/config/\(name)"), encoding: .utf8)
  }
}

@Suite struct ConfigFileTests {
  @Test(arguments: [
    "topics.json", "store-4.9.8.topics.json", "subscriptionGroup.json", "store-4.9.8.subscriptionGroup.json",
    "consumerOffset.json", "store-4.9.8.consumerOffset.json", "delayOffset.json", "store-4.9.8.delayOffset.json",
    "consumerFilter.json",
  ])
  func `writes configuration files as Java does`(name: String) throws {
    let text = try ConfigFixtures.text(name)
    #expect(try JSONParser.parse(text).text(.pretty) == text)
  }

  @Test func `reads the name server's file`() throws {
    let text = try ConfigFixtures.text("kvConfig.json")
    #expect(try JSONParser.parse(text).text() == text)
  }

  @Test(arguments: ["topics.json", "store-4.9.8.topics.json"])
  func `gives topics back unchanged`(name: String) throws {
    let file = try JSONParser.parse(try ConfigFixtures.text(name))
    #expect(try DataVersion(json: try #require(file["dataVersion"])).json == file["dataVersion"])
    let table = try #require(file["topicConfigTable"]?.members)
    #expect(!table.isEmpty)
    for member in table {
      let topic = try TopicConfig(json: member.value)
      #expect(member.key == .string(topic.name))
      #expect(topic.json == member.value)
    }
  }

  @Test(arguments: ["subscriptionGroup.json", "store-4.9.8.subscriptionGroup.json"])
  func `gives groups back unchanged`(name: String) throws {
    let file = try JSONParser.parse(try ConfigFixtures.text(name))
    let table = try #require(file["subscriptionGroupTable"]?.members)
    #expect(!table.isEmpty)
    for member in table { #expect(try SubscriptionGroupConfig(json: member.value).json == member.value) }
  }

  @Test func `fills in what a topic leaves out and refuses what is wrong`() throws {
    let topic = try TopicConfig(json: try JSONParser.parse(#"{topicName:"T",perm:"4",topicFilterType:"ODD"}"#))
    #expect(topic == TopicConfig(name: "T", permission: .read))
    #expect(throws: DecodeError.self) { try TopicConfig(json: try JSONParser.parse("{perm:6}")) }
    #expect(throws: DecodeError.self) {
      try TopicConfig(json: try JSONParser.parse("{topicName:'T',perm:99999999999}"))
    }
  }
}

@Suite struct NameTests {
  @Test(arguments: [
    ("", NameFault.blank), (" ", .blank), ("a.b", .illegalCharacter), ("中文", .illegalCharacter),
    ("a b", .illegalCharacter),
    ("$t", .illegalCharacter), (String(repeating: "x", count: 128), .tooLong),
    (String(repeating: "$", count: 300), .illegalCharacter),
  ])
  func `refuses`(name: String, fault: NameFault) {
    #expect(throws: fault) { try TopicName.validate(name) }
  }

  @Test(arguments: ["TopicTest", "a_b-c", "%RETRY%g", "a|b", String(repeating: "x", count: 127), "rmq_sys_x"])
  func `accepts`(name: String) throws { try TopicName.validate(name) }

  @Test func `gives groups 255 characters`() throws {
    try GroupName.validate(String(repeating: "g", count: 255))
    #expect(throws: NameFault.tooLong) { try GroupName.validate(String(repeating: "g", count: 256)) }
  }

  @Test func `knows the broker's own topics`() {
    #expect(SystemTopics.contains("TBW102") && SystemTopics.contains("rmq_sys_trace"))
    #expect(!SystemTopics.contains("TopicTest"))
    #expect(!SystemTopics.closedToProducers.contains("TBW102"))
    #expect(SystemTopics.retryTopic(of: "g") == "%RETRY%g")
  }

  @Test func `prints permissions as Java does`() {
    #expect("\(Permission.readWrite)" == "RW-")
    #expect("\(Permission(rawValue: 7))" == "RWX")
    #expect("\(Permission(rawValue: 4))" == "R--")
  }
}
