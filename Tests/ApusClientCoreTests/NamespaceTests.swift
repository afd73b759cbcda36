import Testing

@testable import ApusClientCore

@Suite struct NamespaceTests {
  @Test(arguments: [
    ("T", "ns%T"), ("%RETRY%g", "%RETRY%ns%g"), ("%DLQ%g", "%DLQ%ns%g"), ("ns%T", "ns%T"),
    ("%RETRY%ns%g", "%RETRY%ns%g"), ("", ""),
  ])
  func `names are put into the namespace once, and come out again`(name: String, wrapped: String) {
    #expect(Namespace.wrap(name, in: "ns") == wrapped)
    #expect(Namespace.wrap(wrapped, in: "ns") == wrapped)
    #expect(Namespace.unwrap(wrapped, from: "ns") == name.replacing("ns%", with: ""))
    #expect(Namespace.wrap(name, in: "") == name)
  }

  @Test(arguments: ["RMQ_SYS_TRACE_TOPIC", "TBW102", "rmq_sys_x", "CID_RMQ_SYS_TRANS", "SCHEDULE_TOPIC_XXXX"])
  func `names of the system stay`(name: String) {
    #expect(Namespace.wrap(name, in: "ns") == name)
  }
}
