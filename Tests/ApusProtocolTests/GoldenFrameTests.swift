import ApusBase
import Testing

@testable import ApusProtocol

@Suite struct GoldenFrameTests {
  @Test func `all files are there`() { #expect(FrameFixtures.files.count >= 54) }

  @Test(arguments: FrameFixtures.files)
  func `gives every recorded frame back byte for byte`(file: String) throws {
    let samples = try FrameFixtures.samples(in: file)
    #expect(!samples.isEmpty)
    for sample in samples {
      for frame in [sample.request, sample.response] where !frame.isEmpty {
        #expect(try Frame.length(of: frame.rawSpan) == frame.count)
        let command = try Command(frame: frame.rawSpan)
        var output = ByteWriter()
        command.encode(into: &output)
        #expect(output.array == frame, "\(sample.testDescription)")
      }
      guard !sample.response.isEmpty, !sample.request.isEmpty else { continue }
      let request = try Command(frame: sample.request.rawSpan)
      let response = try Command(frame: sample.response.rawSpan)
      #expect(response.header.isResponse)
      #expect(response.header.id == request.header.id)
    }
  }

  @Test(arguments: FrameFixtures.files)
  func `answers as Java does`(file: String) throws {
    for sample in try FrameFixtures.samples(in: file) where !sample.response.isEmpty && !sample.request.isEmpty {
      let request = try Command(frame: sample.request.rawSpan)
      let recorded = try Command(frame: sample.response.rawSpan)
      let reply = Reply(
        recorded.responseCode, remark: recorded.remark, fields: recorded.fields ?? [], body: recorded.body)
      var output = ByteWriter()
      reply.encode(answering: request.header, into: &output)
      let written = try Command(frame: output.bytes)
      #expect(written.header == recorded.header, "\(sample.testDescription)")
      if recorded.fields?.isEmpty != true { #expect(output.array == sample.response, "\(sample.testDescription)") }
    }
  }
}
