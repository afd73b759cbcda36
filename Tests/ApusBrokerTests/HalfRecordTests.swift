import ApusBase
import ApusModel
import ApusProtocol
import Testing

@testable import ApusBroker

/// What is made of a half message.
@Suite struct HalfRecordTests {
  /// The half message that a recorded question is about.
  private func half(of question: borrowing StoredRecord, place: Int64) -> [UInt8] {
    let topic = Array(SystemTopics.halfMessages.utf8)
    var properties = ByteWriter(capacity: 256)
    question.properties.write(into: &properties, removing: PropertyName.transactionCheckTimes)
    let stored = properties.array
    let draft = RecordDraft(
      topic: topic.rawSpan, body: question.body, properties: stored.rawSpan, queueID: 0, flag: question.flag,
      sysFlag: question.sysFlag, bodyCRC: question.bodyCRC, bornTime: question.bornTime, bornHost: question.bornHost,
      storeHost: question.storeHost, tagsCode: 0)
    return unsafe [UInt8](unsafeUninitializedCapacity: draft.recordBytes) { buffer, count in
      guard let base = buffer.baseAddress else { return }
      unsafe draft.encode(
        to: UnsafeMutableRawPointer(base), queueOffset: QueueOffset(place), physicalOffset: question.physicalOffset,
        storeTime: question.storeTime)
      count = draft.recordBytes
    }
  }

  @Test func `a question is what Java asks`() throws {
    let samples = try RecordedFrames.samples("0039-CHECK_TRANSACTION_STATE")
    #expect(samples.count == 2)
    for sample in samples {
      let recorded = sample.request
      let body = recorded.body
      let expected = try StoredRecord(body.rawSpan)
      let place = try #require(Int64(recorded["tranStateTableOffset"] ?? ""))
      let bytes = half(of: expected, place: place)
      let source = try StoredRecord(bytes.rawSpan)
      let made = HalfRecord(bytes.rawSpan)?.question(times: 1, queueOffset: place, offset: source.physicalOffset)
      let question = try #require(made)
      #expect(Set(question.fields) == Set(recorded.fields ?? []))
      let asked = question.body
      let record = try StoredRecord(asked.rawSpan)
      #expect(record.size == expected.size)
      #expect(record.topic.text == expected.topic.text)
      #expect(record.queueID == expected.queueID)
      #expect(record.queueOffset.rawValue == place)
      #expect(record.physicalOffset == expected.physicalOffset)
      #expect(record.bornTime == expected.bornTime)
      #expect(record.bornHost == expected.bornHost)
      #expect(record.storeHost == expected.storeHost)
      #expect(record.bodyCRC == expected.bodyCRC)
      #expect(record.body.array == expected.body.array)
      #expect(record.properties.dictionary == expected.properties.dictionary)
    }
  }

  @Test func `other records are no half messages`() throws {
    let samples = try RecordedFrames.samples("0039-CHECK_TRANSACTION_STATE")
    let body = samples[0].request.body
    #expect((HalfRecord(body.rawSpan) == nil) == true)
    let bytes = [UInt8](repeating: 0, count: 200)
    #expect((HalfRecord(bytes.rawSpan) == nil) == true)
  }
}
