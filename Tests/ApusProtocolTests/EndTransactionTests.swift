import ApusBase
import Testing

@testable import ApusProtocol

/// Recorded ends of transactions.
@Suite struct EndTransactionTests {
  @Test func `every recorded end is read`() throws {
    var count = 0
    for sample in try FrameFixtures.samples(.endTransaction) {
      var decoder = RequestDecoder()
      let request = try decoder.decode(frame: sample.request.rawSpan)
      let recorded = Command(copying: request)
      let end = try EndTransaction.Request(request)
      #expect(end.producerGroup.text == recorded["producerGroup"])
      #expect("\(end.queueOffset)" == recorded["tranStateTableOffset"])
      #expect("\(end.offset)" == recorded["commitLogOffset"])
      #expect("\(end.resolution)" == recorded["commitOrRollback"])
      #expect("\(end.isAnswer)" == recorded["fromTransactionCheck"])
      count += 1
    }
    #expect(count == 4)
  }
}
