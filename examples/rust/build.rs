// The code of process.Process comes from its proto; it needs protoc.
fn main() {
    let protos = std::env::var("GUESTD_PROTOS").unwrap_or("../../proto".into());
    tonic_prost_build::configure()
        .build_server(false)
        .build_transport(false) // its `connect` would be a second one beside the method of that name
        .compile_protos(&[format!("{protos}/process/process.proto")], &[protos])
        .expect("protoc");
}
