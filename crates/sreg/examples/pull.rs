//! A program that pulls an image, verified: `pull REGISTRY ID REFERENCE FILE`.
#![allow(clippy::print_stdout, reason = "a program tells what it did")]

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [place, id, reference, file] = &*arguments else {
        return Err("usage: pull REGISTRY ID REFERENCE FILE".into());
    };
    let registry = sreg::Registry::new(place).with_id(id.parse()?);
    let pulled = sreg::pull(&registry, &reference.parse()?).to_file(file)?;
    println!("{file} is {}, {} bytes", pulled.digest, pulled.size);
    Ok(())
}
