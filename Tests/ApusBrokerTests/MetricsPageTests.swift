import ApusBase
import ApusHTTP
import ApusModel
import ApusProtocol
import ApusSimulator
import ApusStore
import ApusStoreCore
import ApusSystem
import Testing

@testable import ApusBroker

@Suite(.timeLimit(.minutes(10))) struct MetricsPageTests {
  private func ask(_ pages: BrokerPages, _ path: String) -> HTTPResponse {
    let answer = Locked<HTTPResponse?>(nil)
    let done = WakeUp()
    pages.answer(HTTPRequest(method: .get, path: path, keepsAlive: true)) { response in
      answer.withLock { $0 = response }
      done.signal()
    }
    while true {
      if let response = answer.withLock({ $0 }) { return response }
      done.wait(until: nil)
    }
  }

  @Test func `counts what was sent and pulled, and how far groups are behind`() throws {
    let served = try ServedBroker()
    let client = try served.client()
    try client.heartbeat("10.0.0.1@1", producer: "pg")
    for number in 0..<5 { #expect(try client.send("\(number)", to: "Orders").responseCode == .success) }
    let received = try client.pull("Orders")
    #expect(received.count == 5)
    let commit: [ReplyField] = [
      ReplyField("consumerGroup", "test_group"), ReplyField("topic", "Orders"), ReplyField("queueId", 0),
      ReplyField("commitOffset", 2),
    ]
    #expect(try client.ask(.updateConsumerOffset, commit).responseCode == .success)

    let own = #"cluster="FxCluster",node_type="broker",node_id="fx-a""#
    let pair = #"\#(own),topic="Orders",consumer_group="test_group""#
    let out = "rocketmq_messages_out_total{\(pair)} 5"
    let page = ask(served.broker.pages, "/metrics")
    let lines = String(decoding: page.body, as: UTF8.self).split(separator: "\n").map(String.init)
    for line in [
      out, #"rocketmq_messages_in_total{\#(own),topic="Orders"} 5"#, "rocketmq_consumer_lag_messages{\(pair)} 3",
      #"rocketmq_producer_connections{\#(own),language="JAVA",version="409"} 1"#,
      "rocketmq_broker_permission{\(own)} 6", "apus_store_accepts{\(own)} 1",
      #"apus_series_left_out{\#(own),of="topics"} 0"#, "# TYPE rocketmq_messages_in_total counter",
    ] { #expect(lines.contains(line), "\(line)") }
    for name in [
      "rocketmq_throughput_in_total", "rocketmq_throughput_out_total", "rocketmq_storage_size",
      "rocketmq_storage_flush_behind_bytes", "rocketmq_storage_dispatch_behind_bytes",
      "rocketmq_storage_message_reserve_time", "process_cpu_seconds_total", "process_resident_memory_bytes",
    ] {
      #expect(lines.contains { $0.hasPrefix("\(name){") }, "\(name)")
      #expect(lines.count { $0.hasPrefix("# HELP \(name) ") } == 1, "\(name)")
    }
    // No series twice, and each below the TYPE of its metric.
    let series = lines.filter { !$0.hasPrefix("#") }.compactMap { $0.split(separator: "}").first }
    #expect(Set(series).count == series.count)
    var metric = ""
    for line in lines {
      if line.hasPrefix("# TYPE ") { metric = String(line.split(separator: " ")[2]) }
      if !line.hasPrefix("#") { #expect(line.hasPrefix(metric + "{"), "\(line)") }
    }
  }

  @Test func `counts refused requests by their codes, and tells of what waits and of the process`() throws {
    // Nobody asks about the half message meanwhile: it is too old to be kept.
    let served = try ServedBroker([("autoCreateTopicEnable", "false"), ("transactionCheckInterval", "86400000")])
    let client = try served.client()
    let topic = [
      ReplyField("topic", "Orders"), ReplyField("readQueueNums", 4), ReplyField("writeQueueNums", 4),
      ReplyField("perm", 6),
    ]
    #expect(try client.ask(.updateAndCreateTopic, topic).responseCode == .success)
    for _ in 0..<3 { #expect(try client.send("x", to: "None").responseCode == .topicNotExist) }
    let properties = "TRAN_MSG\u{1}true\u{2}PGROUP\u{1}pg\u{2}UNIQ_KEY\u{1}K1"
    let half = Fields.send(to: "Orders", properties: properties, sysFlag: 4)
    #expect(try client.ask(.sendMessageV2, half, body: [1]).responseCode == .success)
    #expect(try client.send("x", to: "Orders", [("DELAY", "18")]).responseCode == .success)

    let own = #"cluster="FxCluster",node_type="broker",node_id="fx-a""#
    var lines: [String] = []
    // The level is looked at by its loop after the answer.
    try Patience.wait {
      let page = ask(served.broker.pages, "/metrics")
      lines = String(decoding: page.body, as: UTF8.self).split(separator: "\n").map(String.init)
      return lines.contains(#"apus_delayed_messages{\#(own),level="18"} 1"#)
    }
    for line in [
      #"apus_requests_refused_total{\#(own),request_code="310",response_code="17"} 3"#,
      "apus_half_messages{\(own)} 1", "apus_name_servers{\(own)} 0", "apus_name_servers_registered{\(own)} 0",
      "# TYPE apus_requests_refused_total counter", "# TYPE apus_flush_seconds_total counter",
    ] { #expect(lines.contains(line), "\(line)") }
    for name in [
      "apus_flushes_total", "apus_flush_seconds_total", "apus_flush_running_seconds", "process_open_fds",
      "process_max_fds", "process_virtual_memory_bytes", "apus_anonymous_memory_bytes",
    ] {
      #expect(lines.count { $0.hasPrefix("\(name){") } == 1, "\(name)")
    }
  }

  @Test func `flushes are counted with their time, and one that is under way is told`() {
    let figures = FlushFigures()
    let start = MonotonicTime(nanoseconds: 1_000)
    #expect(figures.running(now: start) == .zero)
    figures.began(now: start)
    #expect(figures.running(now: start + .seconds(3)) == .seconds(3))
    #expect(figures.count == 0)
    figures.ended(now: start + .seconds(4))
    figures.began(now: start + .seconds(5))
    figures.ended(now: start + .seconds(6))
    #expect(figures.count == 2)
    #expect(figures.total == .seconds(5))
    #expect(figures.running(now: start + .seconds(9)) == .zero)
  }

  @Test func `tells which version runs, once the program has said so`() throws {
    let served = try ServedBroker()
    func page() -> String { String(decoding: ask(served.broker.pages, "/metrics").body, as: UTF8.self) }
    #expect(!page().contains("apus_build_info"))
    served.broker.pages.join(served.server, version: "1.2.3")
    #expect(
      page().contains(
        #"apus_build_info{cluster="FxCluster",node_type="broker",node_id="fx-a",version="1.2.3"} 1"# + "\n"))
  }

  @Test func `says that it is alive and ready until it leaves`() throws {
    let served = try ServedBroker()
    let pages = served.broker.pages
    #expect(ask(pages, "/healthz") == HTTPResponse(.ok, "alive"))
    #expect(ask(pages, "/readyz") == HTTPResponse(.ok, "ready"))
    #expect(ask(pages, "/").status == .notFound)
    pages.leave()
    #expect(ask(pages, "/readyz").status == .unavailable)
    #expect(ask(pages, "/healthz").status == .ok)
  }

  @Test func `is not ready while the disk is full, after it failed and when the store is closed`() throws {
    let disk = SimulatedDisk(seed: 1)
    var settings = StoreSettings(root: "/store")
    settings.logFileBytes = 1 << 16
    let message = try MessageStore.open(disk: disk, settings: settings) { _ in }
    let store = SharedStore(message, disk: disk, isSynchronous: false)
    #expect(BrokerPages.readiness(of: store).status == .ok)

    disk.capacity = 0
    let blocked = try #require(message.planPreparation())
    _ = message.finish(blocked, blocked.run(on: disk))
    #expect(BrokerPages.readiness(of: store) == HTTPResponse(.unavailable, "the disk is full"))
    disk.capacity = 1 << 40
    let preparation = try #require(message.planPreparation())
    _ = message.finish(preparation, preparation.run(on: disk))
    #expect(BrokerPages.readiness(of: store).status == .ok)

    let bytes: [UInt8] = Array("T".utf8)
    let none: [UInt8] = []
    let draft = RecordDraft(
      topic: bytes.rawSpan, body: bytes.rawSpan, properties: none.rawSpan, queueID: 0, flag: 0, sysFlag: [],
      bodyCRC: CRC32.body(bytes.rawSpan), bornTime: WallTime(milliseconds: 1), bornHost: .loopback(port: 1),
      storeHost: .loopback(port: 2), tagsCode: 0)
    _ = message.append(draft, to: try message.openQueue(topic: "T", id: 0), now: WallTime(milliseconds: 1))
    disk.plan = FaultPlan(failures: [.init(.flush, occurrence: 1, code: .failed(ErrorNumber.inputOutput))])
    let flush = try #require(message.planFlush())
    message.finish(flush, flush.run(on: disk))
    let failed = BrokerPages.readiness(of: store)
    #expect(failed.status == .unavailable)
    #expect(String(decoding: failed.body, as: UTF8.self).contains("the store failed and needs a restart: "))
    #expect(throws: DiskError.self) { try message.close() }
    #expect(BrokerPages.readiness(of: store) == HTTPResponse(.unavailable, "the store is closed"))
  }

  @Test func `writes labels escaped and fractions with nine digits`() {
    var text = MetricsText(common: [("cluster", "a\"b")])
    text.metric("m", .gauge, "Help.")
    text.series(-1, [("x", "1\\2\n\"é")])
    text.series(billionths: 1_500_000_007)
    text.single("n", .counter, 7, "More.")
    #expect(
      String(decoding: text.bytes, as: UTF8.self) == """
        # HELP m Help.
        # TYPE m gauge
        m{cluster="a\\"b",x="1\\\\2\\n\\"é"} -1
        m{cluster="a\\"b"} 1.500000007
        # HELP n More.
        # TYPE n counter
        n{cluster="a\\"b"} 7

        """)
  }

  @Test func `process figures come from the right fields`() {
    let stat = "7 (a) b) R 1 2 3 4 5 6 7 8 9 10 150 50 0 0"
    let status = "Name:\ta\nVmRSS:\t    2048 kB\nThreads:\t9\n"
    let figures = ProcessFigures(stat: stat, status: status)
    #expect(figures?.cpuNanoseconds == 2_000_000_000)
    #expect(figures?.residentBytes == 2 << 20)
    #expect(figures?.threads == 9)
    #expect(figures?.anonymousBytes == nil && figures?.openDescriptors == nil)
    let more = ProcessFigures(stat: stat, status: status + "VmSize:\t 8192 kB\nRssAnon:\t 1024 kB\n")
    #expect(more?.virtualBytes == 8 << 20)
    #expect(more?.anonymousBytes == 1 << 20)
    #expect(ProcessFigures(stat: "7", status: status) == nil)
    #expect(ProcessFigures(stat: stat, status: "") == nil)
  }
}
