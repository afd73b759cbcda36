import ApusBase
import ApusRouteCore
import Testing

@Suite struct KVConfigTests {
  private let file = #"{"configTable":{"ORDER_TOPIC_CONFIG":{"FxOrder":"fx-a:2"},"NS1":{}}}"#

  @Test func `reads what Java wrote and writes the same`() throws {
    let config = try KVConfig(json: try JSONParser.parse(file))
    #expect(config.value(of: "FxOrder", in: KVConfig.orderTopics) == "fx-a:2")
    #expect(config.values(in: "NS1") == [:])
    #expect(config.values(in: "none") == nil)
    #expect(config.json.text() == #"{"configTable":{"NS1":{},"ORDER_TOPIC_CONFIG":{"FxOrder":"fx-a:2"}}}"#)
  }

  @Test func `says whether there is something to store`() {
    var config = KVConfig()
    #expect(config.put("v", forKey: "k", in: "ns") == true)
    #expect(config.put("v", forKey: "k", in: "ns") == false)
    #expect(config.put("w", forKey: "k", in: "ns") == true)
    #expect(config.body(of: "ns")?.text() == #"{"table":{"k":"w"}}"#)
    #expect(config.remove("k", in: "ns") == true)
    #expect(config.remove("k", in: "ns") == false)
    #expect(config.remove("k", in: "none") == false)
    #expect(config.body(of: "ns")?.text() == #"{"table":{}}"#)
    #expect(config.body(of: "none") == nil)
  }

  @Test(arguments: ["[]", #"{"configTable":[]}"#, #"{"configTable":{"a":1}}"#, #"{"configTable":{"a":{"b":1}}}"#])
  func `refuses what is no table`(_ text: String) {
    #expect(throws: DecodeError.self) { try KVConfig(json: try JSONParser.parse(text)) }
  }

  @Test(arguments: ["{}", #"{"configTable":null}"#])
  func `takes a file without a table as empty`(_ text: String) throws {
    #expect(try KVConfig(json: try JSONParser.parse(text)) == KVConfig())
  }
}
